import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyTable } from '#processors/dedupe/key-table.ts'

const key = (number: number): Uint32Array => Uint32Array.of(1, 2, 3, number)

for (const segmentBits of [6, 12, 20]) {
  test(`with 2^${segmentBits} rows a segment, every key is found at its row through all growth`, () => {
    const table = new KeyTable(4, segmentBits)
    const count = segmentBits === 6 ? 2_000 : 100_000
    for (let number = 0; number < count; number++) assert.equal(table.add(key(number)), number)
    for (let number = 0; number < count; number += 77) assert.equal(table.find(key(number)), number)
    assert.equal(table.find(key(count)), undefined)
    assert.deepEqual(table.keyAt(99), key(99))
  })
}

test('of equal keys the first is found, before growth and after', () => {
  const table = new KeyTable(4, 10)
  table.add(key(5))
  table.add(key(5))
  assert.equal(table.find(key(5)), 0)
  for (let number = 100; number < 5_000; number++) table.add(key(number))
  table.add(key(5))
  assert.equal(table.find(key(5)), 0)
})
