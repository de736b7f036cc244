import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asset, frame, hash, id, Stage, turned } from './assets.ts'

const SECOND = 1_000_000

/** One frame every two seconds, named by scene; '-' is black. */
function film(number: number, scenes: string, { startSeconds = 0, seconds = scenes.length * 2 } = {}) {
  const frames = [...scenes].map((scene, at) => frame(scene === '-' ? 'black' : `scene ${scene}`, {
    ptsMicros: (startSeconds + at * 2) * SECOND, quality: scene === '-' ? 0 : 100, pixels: hash(`${number} ${at}`),
    pdq: turned(hash(`scene ${scene}`), scene === '-' ? 0 : number % 2 ? 0 : 4),
  }))
  return asset(number, frames, { kind: 'video', durationMicros: seconds * SECOND })
}

function verdictOn(known: ReturnType<typeof film>, copy: ReturnType<typeof film>) {
  const stage = new Stage()
  stage.submit(known)
  return stage.submit(copy)
}

test('a re-encoded video is a near copy, frame by frame at the same time', () => {
  const { relation, of, distance, matched, timeOffsetMicros, evidence } = verdictOn(film(1, 'abcdef'), film(2, 'abcdef'))
  assert.deepEqual({ relation, of, distance, matched, timeOffsetMicros },
    { relation: 'near-copy', of: id(1), distance: 4, matched: 1, timeOffsetMicros: 0 })
  assert.equal(evidence, '6 of 6 frames found, 6 of 6 the other way, mean pdq 4')
})

test('a trimmed copy tells where in the original it begins', () => {
  const { relation, matched, timeOffsetMicros } = verdictOn(film(1, 'abcdef'), film(2, 'cde'))
  assert.deepEqual({ relation, matched, timeOffsetMicros }, { relation: 'near-copy', matched: 1, timeOffsetMicros: 4 * SECOND })
})

test('a longer version is a near copy by the original\'s frames in it', () => {
  const { relation, matched, timeOffsetMicros } = verdictOn(film(1, 'cde'), film(2, 'abcdefgh'))
  assert.deepEqual({ relation, matched, timeOffsetMicros }, { relation: 'near-copy', matched: 1, timeOffsetMicros: -4 * SECOND })
})

test('a black intro makes no pair of different films', () => {
  assert.equal(verdictOn(film(1, '----ab'), film(2, '----cd')).relation, 'original')
})

test('a black intro hides no copy', () => {
  const { relation, timeOffsetMicros } = verdictOn(film(1, 'abcd'), film(2, '--abcd'))
  assert.deepEqual({ relation, timeOffsetMicros }, { relation: 'near-copy', timeOffsetMicros: -4 * SECOND })
})

test('a title in common makes no pair of different films', () => {
  assert.equal(verdictOn(film(1, 'Tabcde'), film(2, 'Tfghij')).relation, 'original')
})

test('one frame in common is a copy only when both end together', () => {
  assert.equal(verdictOn(film(1, 'abcd', { seconds: 8 }), film(2, 'a', { seconds: 8.2 })).relation, 'near-copy')
  assert.equal(verdictOn(film(1, 'abcd', { seconds: 8 }), film(2, 'a', { seconds: 5 })).relation, 'original')
  assert.equal(verdictOn(film(1, 'abcd', { seconds: 8 }), film(2, 'c', { seconds: 4 })).timeOffsetMicros, 4 * SECOND)
})

test('the original with the larger share wins', () => {
  const stage = new Stage()
  stage.submit(film(1, 'abcxyz'))
  stage.submit(film(3, 'abcdev'))
  const { of, matched } = stage.submit(film(2, 'abcdefg'))
  // 5 of 7 frames, and 5 of 6 the other way, of asset 3; 3 of 7 and 3 of 6 of asset 1.
  assert.equal(of, id(3))
  assert.equal(matched, Math.fround(5 / 6))
})
