import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latencyBins, latencyFigures, quantile } from '../../../cli/demo/latency.ts'
import { row } from './sample.ts'

test('a quantile is the nearest-ranked value', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1)
  assert.equal(quantile(hundred, 0.5), 50)
  assert.equal(quantile(hundred, 0.95), 95)
  assert.equal(quantile([7], 0.95), 7)
  assert.equal(quantile([1, 2, 3], 0.95), 3)
})

test('figures are given for the kinds that occur', () => {
  const assets = [300, 100, 200].map((latencyMs, i) => row(`${i}`, { latencyMs }))
  assert.deepEqual(latencyFigures([...assets, row('v', { kind: 'video', latencyMs: 900 })]), [
    { kind: 'image', count: 3, p50Ms: 200, p95Ms: 300, maxMs: 300 }, { kind: 'video', count: 1, p50Ms: 900, p95Ms: 900, maxMs: 900 },
  ])
})

test('bins have a round width and hold every row once', () => {
  // 2,300 ms over at most 24 bins: at least 95.8 ms each, so 100 ms.
  const bins = latencyBins([0, 99, 100, 2300].map((latencyMs, i) => row(`${i}`, { latencyMs })))
  assert.deepEqual(bins.map(({ counts }) => counts.image).filter((count) => count > 0), [2, 1, 1])
  assert.deepEqual([bins[0]?.toMs, bins.length, bins.at(-1)?.counts.image], [100, 24, 1])
})

test('no rows give one empty bin, and latencies below zero (clocks differ) the first', () => {
  assert.equal(latencyBins([]).length, 1)
  assert.equal(latencyBins([row('a', { latencyMs: -3 })])[0]?.counts.image, 1)
})
