/** The assets that every design of the benchmark `writes` stores. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assetId, assetOf, originOf, randomId, tagsOf } from '#test/bench/writes/assets/asset-series.ts'
import { rawJson } from '#test/bench/writes/assets/raw-json.ts'
import { numbersOf } from '#processors/embed/half.ts'
import { toRow } from '#processors/store/asset-row.ts'

const SERIES = Array.from({ length: 20_000 }, (_, n) => n)

test('a number always gives the same asset, whatever was made before it', () => {
  const [asset, json] = [assetOf(4711), rawJson(4711)]
  assetOf(3)
  assert.deepEqual(assetOf(4711), asset)
  assert.equal(rawJson(4711), json)
})

test('ids are different, valid UUIDs, and those of version 7 rise but for three seconds', () => {
  assert.equal(new Set(SERIES.flatMap((n) => [assetId(n), randomId(n)])).size, 2 * SERIES.length)
  const timeOf = (id: string): number => parseInt(id.replaceAll('-', '').slice(0, 12), 16)
  for (const n of SERIES) {
    assert.match(assetId(n), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.match(randomId(n), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/)
    const delayMs = timeOf(assetId(n)) - originOf(n).eventTimeMs
    assert.ok(delayMs >= 0 && delayMs < 3_000, `${delayMs} ms`)
  }
})

test('1 in 20 copies an earlier original and has its vector, 1 in 50 is a video of 3 to 8 frames', () => {
  const assets = SERIES.map(assetOf)
  const numberById = new Map(assets.map(({ assetId: id }, n) => [id, n]))
  const copies = assets.filter(({ verdict }) => verdict.of !== null)
  const videos = assets.filter(({ normal }) => normal.kind === 'video')
  assert.ok(Math.abs(copies.length - 1_000) < 150, `${copies.length} copies`)
  assert.ok(Math.abs(videos.length - 400) < 100, `${videos.length} videos`)
  for (const { assetId: id, verdict, embedding } of copies) {
    const original = numberById.get(verdict.of!)!
    assert.ok(original < numberById.get(id)!)
    assert.equal(assets[original]!.verdict.of, null)
    assert.ok(assets[original]!.embedding!.vector.equals(embedding!.vector))
  }
  for (const { normal, embedding } of videos) {
    assert.ok(normal.frames.length >= 3 && normal.frames.length <= 8)
    assert.equal(embedding!.frames.length, normal.frames.length)
  }
})

test('a copy has its original\'s content only when its bytes are the same', () => {
  const contents = new Map(SERIES.map((n) => [assetId(n), assetOf(n).content.sha256]))
  for (const n of SERIES) {
    const { content, verdict } = assetOf(n)
    if (verdict.of !== null) assert.equal(contents.get(verdict.of)!.equals(content.sha256), verdict.relation === 'same-bytes')
  }
})

test('vectors have a length near one, and ten different tags follow Zipf', () => {
  const frequency = new Map<string, number>()
  for (const n of SERIES.slice(0, 2_000)) {
    const length = Math.hypot(...numbersOf(assetOf(n).embedding!.vector))
    assert.ok(length > 0.85 && length < 1.15, `${length}`)
    const names = tagsOf(n).map(({ name }) => name)
    assert.equal(new Set(names).size, 10)
    for (const name of names) frequency.set(name, (frequency.get(name) ?? 0) + 1)
  }
  const sorted = [...frequency.values()].sort((a, b) => b - a)
  // With frequency 1 / rank the first rank is drawn twice as often as the second, and some thousand are seen at all.
  assert.ok(sorted[0]! > sorted[1]! && sorted[0]! > 8 * sorted[19]!, `${sorted.slice(0, 20).join(', ')}`)
  assert.ok(sorted.length > 2_000, `${sorted.length} tags`)
})

test('texts have the sizes of real ones', () => {
  for (const n of SERIES.slice(0, 1_000)) {
    const { submission } = assetOf(n)
    assert.ok(submission.uri.length >= 60 && submission.uri.length <= 90, submission.uri)
    const { length } = rawJson(n)
    assert.ok(length >= 1_500 && length <= 2_500, `${length}`)
  }
})

test('every asset is a row, and goes round the partitions in order', () => {
  for (const n of SERIES.slice(0, 1_000)) {
    const { origin, id } = toRow(assetOf(n), originOf(n))
    assert.equal(origin.offset * 6 + origin.partition, n)
    assert.equal(id, assetId(n))
  }
})
