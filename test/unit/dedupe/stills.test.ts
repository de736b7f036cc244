import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reject } from '#runtime/api.ts'
import { asset, frame, hash, id, sha256, Stage, turned } from './assets.ts'

const cat = { pdq: hash('cat pdq'), blockhash: hash('cat blockhash') }

/** A cat whose hashes are so many bits off. */
const nearCat = (pdq: number, blockhash: number, from = 0) =>
  frame('other', { pdq: turned(cat.pdq, pdq, from), blockhash: turned(cat.blockhash, blockhash, from), pixels: sha256(`${pdq} ${blockhash} ${from}`) })

test('the first of its kind is an original, and its own frames stand for it', () => {
  const verdict = new Stage().submit(asset(1, [frame('cat')]))
  assert.deepEqual(verdict, {
    relation: 'original', of: null, distance: null, evidence: 'nothing alike', matched: null, timeOffsetMicros: null,
    canonicalFrames: [sha256('blob 1 cat')],
  })
})

test('equal bytes are the strongest claim, and the original\'s frames stand for the copy', () => {
  const stage = new Stage()
  stage.submit(asset(1, [frame('cat')], { bytes: 'same' }))
  const verdict = stage.submit(asset(2, [frame('cat')], { bytes: 'same' }))
  assert.equal(verdict.relation, 'same-bytes')
  assert.equal(verdict.of, id(1))
  assert.equal(verdict.distance, 0)
  assert.deepEqual(verdict.canonicalFrames, [sha256('blob 1 cat')])
})

test('equal pixels under other bytes are the same picture', () => {
  const stage = new Stage()
  stage.submit(asset(1, [frame('cat')]))
  const { relation, of, distance } = stage.submit(asset(2, [frame('cat')]))
  assert.deepEqual({ relation, of, distance }, { relation: 'same-picture', of: id(1), distance: 0 })
})

test('a picture near by one hash and confirmed by the other is a near copy, with both distances as evidence', () => {
  const stage = new Stage()
  stage.submit(asset(1, [frame('cat', cat)]))
  const { relation, of, distance, evidence, matched } = stage.submit(asset(2, [nearCat(6, 4)]))
  assert.deepEqual({ relation, of, distance, evidence, matched },
    { relation: 'near-copy', of: id(1), distance: 6, evidence: 'pdq 6, blockhash 4', matched: null })
})

for (const [pdq, blockhash, relation] of [
  [0, 0, 'near-copy'], [16, 32, 'near-copy'], [31, 16, 'near-copy'], [48, 10, 'near-copy'],
  [16, 33, 'original'], [32, 16, 'original'], [49, 10, 'original'], [0, 80, 'original'], [80, 0, 'original'],
] as const) {
  test(`pdq ${pdq} with blockhash ${blockhash} means ${relation}`, () => {
    const stage = new Stage()
    stage.submit(asset(1, [frame('cat', cat)]))
    assert.equal(stage.submit(asset(2, [nearCat(pdq, blockhash)])).relation, relation)
  })
}

test('the nearest original wins, and of equally near ones the earliest', () => {
  const stage = new Stage()
  // 52 and 12 bits apart: no copies of each other.
  assert.equal(stage.submit(asset(1, [nearCat(26, 6, 0)])).relation, 'original')
  assert.equal(stage.submit(asset(2, [nearCat(26, 6, 60)])).relation, 'original')
  // Shares 4 of the second one's turned bits: 30 from the first, 22 from the second.
  const nearer = stage.submit(asset(3, [nearCat(4, 0, 60)]))
  assert.deepEqual([nearer.of, nearer.distance], [id(2), 22])
  const tied = stage.submit(asset(4, [frame('cat', cat)]))
  assert.deepEqual([tied.of, tied.distance], [id(1), 26])
})

test('a copy is compared with originals only, so that nothing is chained', () => {
  const stage = new Stage()
  stage.submit(asset(1, [frame('cat', cat)]))
  assert.equal(stage.submit(asset(2, [nearCat(30, 10)])).of, id(1))
  // 16 bits from asset 2, 46 from asset 1.
  const verdict = stage.submit(asset(3, [nearCat(46, 12)]))
  assert.equal(verdict.relation, 'original')
})

test('a picture of too little detail is a copy by equal pixels only, and says so', () => {
  const stage = new Stage()
  stage.submit(asset(1, [frame('grey', { quality: 49 })]))
  const near = stage.submit(asset(2, [frame('grey', { quality: 49, pixels: sha256('else') })]))
  assert.deepEqual([near.relation, near.evidence], ['original', 'too little detail for near copies'])
  assert.equal(stage.submit(asset(3, [frame('grey', { quality: 49 })])).relation, 'same-picture')
})

test('a picture and a video of one frame are different kinds, whatever their hashes say', () => {
  const stage = new Stage()
  stage.submit(asset(1, [frame('cat')]))
  assert.equal(stage.submit(asset(2, [frame('cat')], { kind: 'video' })).relation, 'original')
})

test('an asset id that is no UUID is rejected', () => {
  const bad = { ...asset(1, [frame('cat')]), assetId: 'cat.jpg' }
  assert.throws(() => new Stage().submit(bad), (error) => error instanceof Reject && error.code === 'dedupe.bad-asset-id')
})

test('fingerprints that do not fit the frames are rejected', () => {
  const bad = asset(1, [frame('cat')])
  bad.normal.frames = []
  assert.throws(() => new Stage().submit(bad), (error) => error instanceof Reject && error.code === 'dedupe.bad-fingerprint')
})
