import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { contrastOf, fit, flattenOnWhite, pickThumbnail, spread } from '#processors/normalize/fit.ts'

test('the short side comes down to 336 pixels and the shape stays', () => {
  assert.deepEqual(fit({ width: 4000, height: 3000 }), { width: 448, height: 336 })
  assert.deepEqual(fit({ width: 1080, height: 1920 }), { width: 336, height: 597 })
})

test('a small picture is left as it is', () => {
  assert.deepEqual(fit({ width: 320, height: 240 }), { width: 320, height: 240 })
  assert.deepEqual(fit({ width: 1, height: 1 }), { width: 1, height: 1 })
})

test('the long side of a strip is bounded, and its short side keeps at least a pixel', () => {
  assert.deepEqual(fit({ width: 8064, height: 800 }), { width: 2016, height: 200 })
  assert.deepEqual(fit({ width: 1, height: 65_500 }), { width: 1, height: 2016 })
})

test('any size comes out within bounds and never larger', () => {
  const side = fc.integer({ min: 1, max: 100_000 })
  fc.assert(fc.property(side, side, (width, height) => {
    const fitted = fit({ width, height })
    assert.ok(Math.min(fitted.width, fitted.height) <= 336 && Math.max(fitted.width, fitted.height) <= 2016)
    assert.ok(fitted.width >= 1 && fitted.height >= 1 && fitted.width <= width && fitted.height <= height)
  }))
})

test('a choice is evenly spread with both ends', () => {
  assert.deepEqual(spread(3, 32), [0, 1, 2])
  assert.deepEqual(spread(0, 32), [])
  assert.deepEqual(spread(9, 5), [0, 2, 4, 6, 8])
  assert.deepEqual(spread(1000, 1), [0])
})

test('a choice never repeats, never goes back and never exceeds its limit', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 2, max: 64 }), (count, limit) => {
    const chosen = spread(count, limit)
    assert.equal(chosen.length, Math.min(count, limit))
    assert.equal(chosen[0], 0)
    assert.equal(chosen.at(-1), count - 1)
    chosen.slice(1).forEach((index, n) => assert.ok(index > chosen[n]!))
  }))
})

test('the first frame that shows something is the one for people', () => {
  assert.equal(pickThumbnail([0, 2, 40, 60]), 2)
  assert.equal(pickThumbnail([0, 0, 0, 0]), 2)
  assert.equal(pickThumbnail([50]), 0)
})

test('contrast is nought on one tone and half the range between black and white', () => {
  assert.equal(contrastOf(new Uint8Array(3 * 700).fill(90)), 0)
  // Every 7th pixel is looked at: make those alternate.
  const rgb = new Uint8Array(3 * 1400)
  for (let pixel = 0; pixel < 1400; pixel += 14) rgb.fill(255, 3 * pixel, 3 * pixel + 3)
  assert.equal(contrastOf(rgb), 127.5)
})

test('what is transparent turns white, in proportion', () => {
  assert.deepEqual([...flattenOnWhite(new Uint8Array([10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 255, 51]))], [10, 20, 30, 255, 255, 255, 204, 224, 255])
})
