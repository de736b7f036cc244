import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Allowance } from '#client/allowance.ts'

/** Which of some takers have been let in so far. */
function takers(allowance: Allowance, sizes: number[]): boolean[] {
  const admitted = sizes.map(() => false)
  sizes.forEach((bytes, index) => void allowance.take(bytes).then(() => { admitted[index] = true }))
  return admitted
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('takers above the number of records wait until one is given back', async () => {
  const allowance = new Allowance({ maxRecords: 2, maxBytes: 1_000 })
  const admitted = takers(allowance, [1, 1, 1])
  await settled()
  assert.deepEqual(admitted, [true, true, false])
  allowance.give(1)
  await settled()
  assert.deepEqual(admitted, [true, true, true])
})

test('takers above the number of bytes wait, in the order in which they came', async () => {
  const allowance = new Allowance({ maxRecords: 10, maxBytes: 100 })
  const admitted = takers(allowance, [60, 60, 10])
  await settled()
  // The third would fit, but would then overtake the second for ever.
  assert.deepEqual(admitted, [true, false, false])
  allowance.give(60)
  await settled()
  assert.deepEqual(admitted, [true, true, true])
})

test('a record larger than the whole limit goes alone rather than never', async () => {
  const allowance = new Allowance({ maxRecords: 10, maxBytes: 100 })
  const admitted = takers(allowance, [500, 1])
  await settled()
  assert.deepEqual(admitted, [true, false])
  allowance.give(500)
  await settled()
  assert.deepEqual(admitted, [true, true])
})
