/**
 * Names that live outside the repository: topics, groups, tables, codes, settings. Adding is free; when this fails for a
 * name that is gone or changed, it is a migration and not a rename.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { topology } from '#topology'
import { CODES as RUNTIME_CODES } from '#runtime/codes.ts'
import { SETTINGS } from '#runtime/config.ts'
import { CODES as CLI_CODES } from '#cli/codes.ts'
import { CODES as BLOB_CODES } from '#runtime/blobs/codes.ts'
import { CODES as POSTGRES_CODES } from '#runtime/postgres/errors.ts'
import { CODES as MODEL_CODES } from '#models/codes.ts'
import { CODES as DEDUPE_CODES } from '#processors/dedupe/codes.ts'
import { CODES as DOWNLOAD_CODES } from '#processors/download/codes.ts'
import { CODES as EMBED_CODES } from '#processors/embed/codes.ts'
import { CODES as CLUSTER_CODES } from '#processors/cluster/codes.ts'
import { CODES as FINGERPRINT_CODES } from '#processors/fingerprint/codes.ts'
import { CODES as NORMALIZE_CODES } from '#processors/normalize/codes.ts'
import { CODES as STORE_CODES } from '#processors/store/codes.ts'
import { CODES as TAG_CODES } from '#processors/tag/codes.ts'

const SNAPSHOT = join(import.meta.dirname, 'stable-names.json')

const ALL_CODES = [RUNTIME_CODES, BLOB_CODES, DOWNLOAD_CODES, NORMALIZE_CODES, FINGERPRINT_CODES, DEDUPE_CODES, EMBED_CODES, TAG_CODES, CLUSTER_CODES, STORE_CODES, POSTGRES_CODES, MODEL_CODES, CLI_CODES]

/** What the program uses today, in the form of the snapshot. `node test/contract/stable-names.test.ts --write` keeps it. */
export function namesToday(): Record<string, string[]> {
  return {
    stages: topology.stages.map(({ name }) => name).sort(),
    topics: topology.topics.map(({ name, partitions, cleanup }) => `${name} ${partitions} ${cleanup}`).sort(),
    codes: ALL_CODES.flatMap((codes) => Object.keys(codes)).sort(),
    settings: Object.values(SETTINGS).map(({ env }) => env).sort(),
  }
}

test('no name that lives outside has gone or changed', () => {
  const kept = JSON.parse(readFileSync(SNAPSHOT, 'utf8')) as Record<string, string[]>
  const today = namesToday()
  for (const [kind, names] of Object.entries(kept)) {
    assert.deepEqual(names.filter((name) => !today[kind]!.includes(name)), [], `${kind} that are gone`)
  }
})

test('every name that lives outside is in the snapshot', () => {
  assert.deepEqual(namesToday(), JSON.parse(readFileSync(SNAPSHOT, 'utf8')), 'add the new names to stable-names.json')
})

test('a code belongs to one table, is named after it, and has a sentence', () => {
  const seen = new Set<string>()
  for (const [code, meaning] of ALL_CODES.flatMap((codes) => Object.entries(codes) as [string, string][])) {
    assert.ok(!seen.has(code), `${code} stands in two tables`)
    seen.add(code)
    assert.match(code, /^[a-z-]+\.[a-z0-9-]+$/)
    assert.match(meaning, /^[A-Z'"].{20,}\.$/s, `${code}: ${meaning}`)
  }
})

if (process.argv.includes('--write')) writeFileSync(SNAPSHOT, JSON.stringify(namesToday(), null, 1) + '\n')
