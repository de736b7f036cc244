import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shrink } from '#processors/fingerprint/tent-filter.ts'

const plane = (width: number, height: number, valueAt: (x: number, y: number) => number) =>
  ({ width, height, values: Float32Array.from({ length: width * height }, (_, at) => valueAt(at % width, Math.floor(at / width))) })

test('a flat plane stays flat', () => {
  assert.ok(shrink(plane(333, 217, () => 7), 64).every((value) => value === 7))
})

test('128 samples a side are not blurred: the sample right of each cell\'s middle is taken', () => {
  const row = shrink(plane(128, 128, (x) => x), 64).subarray(0, 64)
  assert.deepEqual([...row], Array.from({ length: 64 }, (_, cell) => 2 * cell + 1))
})

test('an even window reaches one sample further ahead, once in each pass', () => {
  // 256 samples, window 2: x becomes the mean of x and x + 1, twice; cell c samples x = 4c + 2, so 4c + 3.
  // The last cell is at the border: 254.5 and 255 after one pass, 254.75 after two.
  const column = shrink(plane(64, 256, (_, y) => y), 64).filter((_, at) => at % 64 === 0)
  assert.deepEqual([...column], [...Array.from({ length: 63 }, (_, cell) => 4 * cell + 3), 254.75])
})

test('at the border the mean is over the samples that exist', () => {
  // 4 samples to 1, window 2: [0, 8, 0, 8] to [4, 4, 4, 8] to [4, 4, 6, 8]; the middle sample is the third.
  assert.deepEqual([...shrink(plane(4, 1, (x) => (x % 2) * 8), 1)], [6])
})
