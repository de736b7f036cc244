import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyTable } from '#processors/dedupe/key-table.ts'

const key = (number: number): Uint32Array => Uint32Array.of(1, 2, 3, number)

test('every key is found at its row through all growth', () => {
  const table = new KeyTable(4)
  for (let number = 0; number < 200_000; number++) assert.equal(table.add(key(number)), number)
  for (let number = 0; number < 200_000; number += 77) assert.equal(table.find(key(number)), number)
  assert.equal(table.find(key(200_000)), undefined)
})

test('of equal keys the first is found, before growth and after', () => {
  const table = new KeyTable(4)
  table.add(key(5))
  table.add(key(5))
  assert.equal(table.find(key(5)), 0)
  for (let number = 100; number < 5_000; number++) table.add(key(number))
  assert.equal(table.find(key(5)), 0)
})
