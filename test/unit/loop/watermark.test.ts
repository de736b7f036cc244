import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Watermark } from '#runtime/loop/watermark.ts'

test('the watermark stands still while the first record is unfinished', () => {
  const watermark = new Watermark()
  for (const offset of [10, 11, 12]) watermark.accept(offset)
  watermark.finish(11)
  watermark.finish(12)
  assert.equal(watermark.position, undefined)
  assert.equal(watermark.span, 3)
})

test('the watermark jumps over everything that finished behind the head', () => {
  const watermark = new Watermark()
  for (const offset of [10, 11, 15]) watermark.accept(offset)
  watermark.finish(11)
  watermark.finish(10)
  assert.equal(watermark.position, 12)
  assert.equal(watermark.unfinished, 1)
})

test('finishing an offset that was never accepted is a defect', () => {
  assert.throws(() => new Watermark().finish(3), /never accepted/)
})

test('in any order of finishing, the position is the first unfinished offset', () => {
  fc.assert(fc.property(fc.uniqueArray(fc.nat(3_000), { minLength: 1, maxLength: 300 }), fc.infiniteStream(fc.nat()), (offsets, choices) => {
    const sorted = [...offsets].sort((a, b) => a - b)
    const watermark = new Watermark()
    for (const offset of sorted) watermark.accept(offset)
    const open = [...sorted]
    for (const choice of choices) {
      if (open.length === 0) break
      watermark.finish(open.splice(choice % open.length, 1)[0]!)
      const firstOpen = open[0]
      const finishedBelow = sorted.filter((offset) => firstOpen === undefined || offset < firstOpen).at(-1)
      assert.equal(watermark.position, finishedBelow === undefined ? undefined : finishedBelow + 1)
    }
  }), { numRuns: 50 })
})

test('a long run keeps no finished entries', () => {
  const watermark = new Watermark()
  for (let offset = 0; offset < 100_000; offset++) {
    watermark.accept(offset)
    watermark.finish(offset)
  }
  assert.equal(watermark.position, 100_000)
  assert.equal(watermark.span, 0)
})
