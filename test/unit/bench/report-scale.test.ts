import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logScale } from '../../bench/writes/report/log-scale.ts'
import { numberText, rangeText, tickText } from '../../bench/writes/report/number-text.ts'

test('an axis spans whole decades around its values', () => {
  const { from, to } = logScale([0.03, 7, 450])
  assert.deepEqual([from, to], [0.01, 1_000])
})

test('a position is the share of the decades below it', () => {
  const { position } = logScale([0.02, 900])
  assert.equal(position(0.01), 0)
  assert.equal(position(1_000), 1)
  // Two of five decades.
  assert.ok(Math.abs(position(1) - 0.4) < 1e-12)
})

test('what lies outside an axis is put at its nearer end, and zero at its beginning', () => {
  const { position } = logScale([2, 50])
  assert.deepEqual([position(0.1), position(1_000), position(0), position(-3)], [0, 1, 0, 0])
})

test('a value that begins its decade still has a bar: the axis begins a decade earlier', () => {
  const { from, position } = logScale([1, 10])
  assert.equal(from, 0.1)
  assert.equal(position(1), 0.5)
})

test('an axis does not begin before the least that is worth telling', () => {
  const { from, position } = logScale([1e-9, 5], 0.0001)
  assert.equal(from, 0.0001)
  assert.equal(position(1e-9), 0)
})

test('ticks are powers of ten as they are written, as few as there is room for', () => {
  // From 0.00001 to 1,000: nine powers of ten, each, every second, every third.
  const { ticks } = logScale([0.00002, 500])
  assert.deepEqual(ticks(9), [0.00001, 0.0001, 0.001, 0.01, 0.1, 1, 10, 100, 1_000])
  assert.deepEqual(ticks(8), [0.00001, 0.001, 0.1, 10, 1_000])
  assert.deepEqual(ticks(3), [0.00001, 0.01, 10])
  assert.deepEqual(ticks(0), [0.00001])
})

test('an axis without values is an axis all the same', () => {
  for (const values of [[], [0], [NaN, Infinity]]) {
    const { from, to, ticks } = logScale(values)
    assert.deepEqual([from, to, ticks(8)], [1, 10, [1, 10]])
  }
})

test('numbers have three digits, and all of those before the point', () => {
  assert.deepEqual([0, 0.0040149, 0.5, 3.14159, 99.96, 1_365.4, 2_000_000].map(numberText), ['0', '0.00401', '0.5', '3.14', '100', '1,365', '2,000,000'])
})

test('bounds that read the same are one number', () => {
  assert.equal(rangeText({ low: 0.00401, high: 0.0151 }), '0.00401–0.0151')
  assert.equal(rangeText({ low: 4, high: 4.0001 }), '4')
})

test('ticks are short', () => {
  assert.deepEqual([0.00001, 0.1, 1, 100, 10_000, 1_000_000].map(tickText), ['0.00001', '0.1', '1', '100', '10K', '1M'])
})
