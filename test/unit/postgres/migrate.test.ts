import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkApplied, isAtLeast, readMigrations } from '#runtime/postgres/migrate.ts'

function folderOf(names: string[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'migrations-'))
  for (const name of names) writeFileSync(join(dir, name), `-- ${name}`)
  return dir
}

test('migrations are the numbered files, in order; other files are none', (t) => {
  const dir = folderOf(['0002-b.sql', '0001-a.sql', 'schema.sql', 'README.md'])
  t.after(() => rmSync(dir, { recursive: true }))
  assert.deepEqual(readMigrations(dir).map(({ number, name }) => [number, name]), [[1, '0001-a.sql'], [2, '0002-b.sql']])
})

test('a gap and a number given twice are refused', (t) => {
  for (const names of [['0001-a.sql', '0003-c.sql'], ['0001-a.sql', '0001-b.sql']]) {
    const dir = folderOf(names)
    t.after(() => rmSync(dir, { recursive: true }))
    assert.throws(() => readMigrations(dir), { name: 'Halt', code: 'migrate.numbering' })
  }
})

test('what is applied is checked, and the rest is to be applied', () => {
  const files = ['0001-a.sql', '0002-b.sql'].map((name, at) => ({ number: at + 1, name, sql: name, sha256: Buffer.from(name) }))
  assert.deepEqual(checkApplied(files, []).map(({ number }) => number), [1, 2])
  assert.deepEqual(checkApplied(files, [files[0]!]).map(({ number }) => number), [2])
  assert.throws(() => checkApplied(files, [{ ...files[0]!, sha256: Buffer.from('other') }]), { code: 'migrate.edited' })
  assert.throws(() => checkApplied(files.slice(0, 1), files), { code: 'migrate.ahead' })
})

test('versions are compared number by number', () => {
  assert.ok(isAtLeast('0.8.5', [0, 8]))
  assert.ok(isAtLeast('0.10.0', [0, 8]))
  assert.ok(isAtLeast('1.0', [0, 8]))
  assert.ok(!isAtLeast('0.7.4', [0, 8]))
})
