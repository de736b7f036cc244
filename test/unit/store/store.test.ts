import assert from 'node:assert/strict'
import { test } from 'node:test'
import { announceFailure, announceRow } from '#processors/store/announcements.ts'
import { toRow } from '#processors/store/asset-row.ts'
import { packAsset, sizeOfPacked } from '#processors/store/asset-tables.ts'
import { CODES } from '#processors/store/codes.ts'
import { store } from '#processors/store/processor.ts'
import { encodeTags } from '#processors/store/tag-code.ts'
import type { AssetClustered } from '#schemas'
import { clusteredAsset, clusteredVideo } from '#test/support/clustered-assets.ts'

const origin = { topic: 'asset.clustered', partition: 2, offset: 40, eventTimeMs: 1_700_000_000_000, traceId: null }

const rejected = (asset: AssetClustered): string => {
  try {
    packAsset(toRow(asset, origin))
  } catch (error) {
    const { code } = error as { code: keyof typeof CODES }
    assert.ok(code in CODES, code)
    return code
  }
  return 'a row'
}

test('a still becomes a row without frames, and a final URI that is the same is left out', () => {
  const row = toRow(clusteredAsset(1), origin)
  assert.deepEqual([row.kind, row.relation, row.frames.length, row.detail.finalUri, row.detail.evidence, row.detail.attributes], [0, 0, 0, null, null, null])
  assert.equal(row.cluster, 1)
  assert.equal(row.first?.quality, 90)
})

test('a video becomes a row and one frame row for each key frame, with its own vector', () => {
  const row = toRow(clusteredVideo(2, 3), origin)
  assert.deepEqual([row.kind, row.durationMicros, row.first?.quality], [1, 3_000_000, 50])
  assert.deepEqual(row.frames.map(({ frame, ptsMicros, hashes }) => [frame, ptsMicros, hashes?.quality]), [[0, 0, 50], [1, 1_000_000, 51], [2, 2_000_000, 52]])
  assert.notDeepEqual(row.frames[0]!.embedding, row.frames[1]!.embedding)
})

test('a sound has neither vector nor cluster nor hashes', () => {
  const still = clusteredAsset(3)
  const row = toRow({
    ...still, embedding: null, placement: null, normal: { ...still.normal, kind: 'audio', frames: [], width: null, height: null }, fingerprint: { ...still.fingerprint, frames: [] },
  }, origin)
  assert.deepEqual([row.kind, row.embedding, row.cluster, row.clusterSimilarity, row.first], [2, null, null, null, null])
})

test('ids are kept in lower case, since that is how Postgres tells them', () => {
  const asset = clusteredAsset(4)
  assert.equal(toRow({ ...asset, assetId: asset.assetId.toUpperCase() }, origin).id, asset.assetId)
})

test('what can never be a row is rejected, each with its own code', () => {
  const asset = clusteredAsset(5)
  const embedding = asset.embedding!
  assert.equal(rejected({ ...asset, assetId: 'picture 5' }), 'store.bad-asset-id')
  assert.equal(rejected({ ...asset, assetId: '' }), 'store.bad-asset-id')
  assert.equal(rejected({ ...asset, verdict: { ...asset.verdict, of: '../etc' } }), 'store.bad-asset-id')
  assert.equal(rejected({ ...asset, submission: { ...asset.submission, sourceId: 'a\0b' } }), 'store.unstorable-text')
  assert.equal(rejected({ ...asset, submission: { ...asset.submission, attributes: { colour: '\0' } } }), 'store.unstorable-text')
  assert.equal(rejected({ ...asset, tags: { ...asset.tags, tags: [{ name: 'a\0', confidence: 1, origin: 'claimed' }] } }), 'store.unstorable-text')
  assert.equal(rejected({ ...asset, embedding: { ...embedding, vector: embedding.vector.subarray(2) } }), 'store.bad-vector')
  assert.equal(rejected({ ...asset, embedding: { ...embedding, dimensions: 3_501, vector: Buffer.alloc(7_002) } }), 'store.bad-vector')
  assert.equal(rejected({ ...asset, verdict: { ...asset.verdict, distance: 40_000 } }), 'store.refused-row', 'no smallint')
  assert.equal(rejected({ ...asset, normal: { ...asset.normal, kind: 'hologram' } }), 'store.unknown-kind')
  assert.equal(rejected({ ...asset, verdict: { ...asset.verdict, relation: 'cousin' } }), 'store.unknown-kind')
  assert.equal(rejected({ ...asset, tags: { ...asset.tags, tags: [{ name: 'a', confidence: 1, origin: 'guessed' }] } }), 'store.unknown-kind')
})

test('tags are a varint of number and origin, and a byte of confidence', () => {
  const tags = [
    { name: '1', origin: 'claimed', confidence: 1 }, { name: '63', origin: 'predicted', confidence: 0 },
    { name: '64', origin: 'claimed', confidence: 0.2 }, { name: `${2 ** 30 - 1}`, origin: 'predicted', confidence: 0.6 },
  ]
  // 1·2 = 02; 63·2+1 = 7f; 64·2 = 128 = 80 01; 2^31 - 1 = four groups of seven ones and 07. 0.2·255 = 51 = 33; 0.6·255 = 153 = 99.
  assert.equal(Buffer.from(encodeTags(tags, Number)).toString('hex'), '02ff' + '7f00' + '800133' + 'ffffffff0799')
  assert.equal(encodeTags([], Number).length, 0)
})

test('a confidence outside of 0 to 1 is taken as the nearer end', () => {
  const tags = [7, -1].map((confidence) => ({ name: '1', origin: 'claimed', confidence }))
  assert.equal(Buffer.from(encodeTags(tags, Number)).toString('hex'), '02ff' + '0200')
})

test('a row keeps the first 255 of its tags, whatever their numbers', () => {
  const tags = Array.from({ length: 300 }, () => ({ name: `${2 ** 30 - 1}`, origin: 'claimed', confidence: 1 }))
  assert.equal(Buffer.from(encodeTags(tags, Number)).toString('hex'), 'feffffff07ff'.repeat(255))
})

test('the size of a row grows with its vector, texts and frames', () => {
  const still = sizeOfPacked(packAsset(toRow(clusteredAsset(6), origin)))
  assert.ok(still > 1_024 + 60 && still < 2_500, String(still))
  assert.ok(sizeOfPacked(packAsset(toRow(clusteredVideo(6, 4), origin))) > still + 4 * 1_024)
})

test('announcements carry what the world needs, and hostile texts are cut', () => {
  const asset = clusteredAsset(7)
  assert.deepEqual(announceRow(toRow(asset, origin)).value, { assetId: asset.assetId, relation: 'original', of: null, cluster: 7 })
  const failure = announceFailure({ stage: 'tag', code: 'tag.odd', reason: 'x'.repeat(100_000), key: null, topic: 't', partition: 0, offset: 0, attempts: 1, eventTimeMs: 0, traceId: null, value: null })
  assert.deepEqual(failure.value, { assetId: '', stage: 'tag', code: 'tag.odd', reason: 'x'.repeat(500) })
  assert.equal(failure.topic.name, 'asset.failed')
})

test('both commit policies bound rows, bytes and age', () => {
  assert.deepEqual(store.commit.latency, { minRows: 1, maxRows: 5_000, maxBytes: 33_554_432, maxAgeMs: 250, lullMs: 8 })
  assert.deepEqual(store.commit.raid5, { minRows: 20_000, maxRows: 100_000, maxBytes: 268_435_456, maxAgeMs: 60_000, lullMs: 2_000 })
})
