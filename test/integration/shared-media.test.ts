/** Real media with ground truth through the whole pipeline: hundreds of files, many of them broken on purpose. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { AssetFailedError } from '#client'
import type { Asset } from '#client/catalogue.ts'
import { onServer } from '#test/support/database.ts'
import { openPipeline, type Pipeline } from '#test/support/pipeline.ts'
import { sharedData } from '#test/support/shared-data.ts'
import { truthOf } from '#test/quality/normalize/truth.ts'

const FOLDERS = ['av', 'images/sharp-fixtures', 'near-dup/bridge-mods', 'near-dup/dih', 'near-dup/ukbench']
const here = sharedData('av/truth.tsv') !== undefined
const options = { skip: here ? false : 'needs ../shared/data', timeout: 30_000 }

/** What became of each file, by its path in the shared data. */
const outcomes = new Map<string, { id: string; code?: string }>()
let pipeline: Pipeline

before(async () => {
  if (!here) return
  pipeline = await openPipeline()
  await pipeline.start().started
  const files = FOLDERS.flatMap(mediaIn)
  let next = 0
  const submitNext = async (): Promise<void> => {
    for (let file = files[next++]; file !== undefined; file = files[next++]) outcomes.set(file, await outcomeOf(file))
  }
  await Promise.all(Array.from({ length: 12 }, submitNext))
}, { timeout: 480_000 })
after(() => pipeline?.close(), { timeout: 60_000 })

function mediaIn(folder: string): string[] {
  return readdirSync(sharedData(folder)!, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(tsv|dump)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(sharedData('')!.length).replace(/^\//, ''))
}

async function outcomeOf(file: string): Promise<{ id: string; code?: string }> {
  const id = await pipeline.producer.submit({ path: sharedData(file)!, sourceId: file })
  try {
    await pipeline.producer.waitUntilStored(id, { timeoutMs: 240_000 })
    return { id }
  } catch (error) {
    if (error instanceof AssetFailedError) return { id, code: error.code }
    throw error
  }
}

const idOf = (file: string): string => outcomes.get(file)!.id
const assetOf = async (file: string): Promise<Asset> => (await pipeline.catalogue.asset(idOf(file))).asset!

test('nothing is lost: every file is one row or one failure', options, async () => {
  const { assets, failures } = await pipeline.catalogue.counts()
  const failed = failures.reduce((sum, { count }) => sum + count, 0)
  assert.ok(outcomes.size > 200, `${outcomes.size} files`)
  assert.equal(assets + failed, outcomes.size)
  assert.equal(failed, [...outcomes.values()].filter(({ code }) => code !== undefined).length)
})

test('the eight EXIF orientations of one photo are one picture', options, async () => {
  const ids = new Set<string>()
  for (let orientation = 1; orientation <= 8; orientation++) {
    const { id, canonicalId, width, height } = await assetOf(`images/sharp-fixtures/Landscape_${orientation}.jpg`)
    ids.add(canonicalId ?? id)
    assert.ok(width! > height!, `orientation ${orientation} is upright`)
  }
  assert.equal(ids.size, 1)
})

test('key frames are stored with the times that another extractor reads, within 2 ms', options, async () => {
  let compared = 0
  const truth = truthOf('av').filter((row) => row['dump_kind'] === 'extractor' && row['keyframes_agree'] === 'yes')
  for (const { file, dump_keyframes_us: times, dump_keyframes: count } of truth) {
    const { id, code } = outcomes.get(`av/${file}`)!
    const expected = times!.split(' ').map(Number)
    // The table lists the first 20; the normal form holds at most 32, evenly chosen.
    if (code !== undefined || Number(count) > 20) continue
    const rows = await onServer<{ pts: string }>(pipeline.config.databaseUrl, 'select pts_micros::text as pts from asset_frame where asset_id = $1 order by pts_micros', [id])
    const asset = await assetOf(`av/${file}`)
    if (asset.kind !== 'video') continue
    assert.equal(rows.length, expected.length, file)
    rows.forEach(({ pts }, index) => assert.ok(Math.abs(Number(pts) - expected[index]!) <= 2_000, `${file}: ${pts} for ${expected[index]}`))
    compared += 1
  }
  assert.ok(compared >= 30, `${compared} videos compared`)
})

/** What is known of these files by their makers, not by us. */
const BROKEN: Record<string, RegExp> = {
  'av/mkv/subsample_encrypted_noaltref.webm': /^normalize\.encrypted$/,
  'av/midi/Twinkle.mid': /^download\.not-media$/,
  'av/mp3/1024_incrementing_bytes.mp3': /^download\.not-media$/,
  'av/mp4/sample_malformed_free_box.mp4': /^normalize\.(corrupt|truncated)$/,
  'images/sharp-fixtures/65536-uint32-limit.png': /^normalize\.too-many-pixels$/,
  'images/sharp-fixtures/truncated.jpg': /^normalize\.truncated$/,
}

for (const [file, code] of Object.entries(BROKEN)) {
  test(`${basename(file)} fails with its own code`, options, () => {
    const outcome = [...outcomes].find(([path]) => basename(path) === basename(file))
    assert.ok(outcome, `${file} is not among the shared data`)
    assert.match(outcome[1].code ?? 'stored', code)
  })
}

test('labelled near-duplicates are copies of one original, and turned or mirrored pictures are not', options, async () => {
  const bridge = await Promise.all([...outcomes.keys()].filter((file) => file.startsWith('near-dup/bridge-mods/')).map(assetOf))
  const originals = new Set(bridge.map(({ id, canonicalId }) => canonicalId ?? id))
  assert.equal(originals.size, 1)
  const turned = truthOf('near-dup').filter(({ relation }) => relation === 'rotated-or-flipped').map(({ file }) => `near-dup/${file}`).filter((file) => outcomes.has(file))
  assert.ok(turned.length >= 7)
  for (const file of turned) assert.ok(!originals.has((await assetOf(file)).canonicalId ?? ''), file)
})
