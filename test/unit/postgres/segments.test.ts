import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastOfEachKey, refusedPlaces } from '#runtime/postgres/batch-rows.ts'
import { tuplesByKey } from '#runtime/postgres/copy-tuples.ts'
import { rangeOf, Segments, segmentTable } from '#runtime/postgres/segments.ts'

const id = (n: number): string => `018bcfe5-0000-7000-8000-${n.toString(16).padStart(12, '0')}`

const keyOf = ({ key }: { key: string }): string => key

test('of rows with one key the last is written, and all share its fate', () => {
  const rows = [{ key: 'a', v: 1 }, { key: 'b', v: 2 }, { key: 'a', v: 3 }]
  assert.deepEqual(lastOfEachKey(rows, keyOf), [{ key: 'a', v: 3 }, { key: 'b', v: 2 }])
  const error = new Error('no')
  assert.deepEqual(refusedPlaces(rows, [{ row: rows[2]!, error }], keyOf), [{ index: 0, error }, { index: 2, error }])
  assert.deepEqual(refusedPlaces(rows, [], keyOf), [])
})

test('rows without a key have a fate each', () => {
  const rows = [{ v: 1 }, { v: 1 }, { v: 1 }]
  const error = new Error('no')
  assert.deepEqual(refusedPlaces(rows, [{ row: rows[1]!, error }], undefined), [{ index: 1, error }])
})

test('a range runs from the least key to the greatest', () => {
  const range = (...numbers: number[]) => rangeOf(numbers.map((n) => ({ key: id(n) })), keyOf)
  assert.deepEqual(range(5, 3, 9, 4), { first: id(3), last: id(9) })
  assert.deepEqual(range(1), { first: id(1), last: id(1) })
  assert.equal(range(), undefined)
})

test('a batch meets the segments whose ranges it touches, those read at the claim and those of its own', async () => {
  const segments = new Segments()
  const rows = [{ number: 1, first: id(10), last: id(20) }, { number: 2, first: id(15), last: id(30) }]
  await segments.load(async <R extends object>() => ({ rows: rows as R[] }))
  segments.sealed({ number: 3, first: id(40), last: id(50) })
  const met = (first: number, last: number): number[] => segments.among({ first: id(first), last: id(last) }).map(({ number }) => number)
  assert.deepEqual(met(0, 9), [])
  assert.deepEqual(met(0, 10), [1])
  assert.deepEqual(met(20, 20), [1, 2])
  assert.deepEqual(met(21, 40), [2, 3])
  assert.deepEqual(met(51, 99), [])
})

test('the open segment and the sealed ones have tables of their own', () => {
  assert.equal(segmentTable('asset', 0), 'asset_open')
  assert.equal(segmentTable('asset_detail', 12), 'asset_detail_12')
})

/** The layout is that of the manual: signature, flags, extension; per tuple a count, per field a length; -1 ends it. */
function stream(tuples: (Buffer | null)[][]): Buffer {
  const int16 = (n: number): Buffer => Buffer.from([(n >> 8) & 255, n & 255])
  const field = (bytes: Buffer | null): Buffer[] => (bytes === null ? [Buffer.from('ffffffff', 'hex')] : [Buffer.from([0, 0, 0, bytes.length]), bytes])
  return Buffer.concat([
    Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8), ...tuples.flatMap((fields) => [int16(fields.length), ...fields.flatMap(field)]), int16(-1),
  ])
}

test('tuples are told apart by their key, and tuples with one key stand together', () => {
  const [a, b] = [Buffer.from('018bcfe568007abc8def0123456789ab', 'hex'), Buffer.alloc(16, 7)]
  const tuples = tuplesByKey(stream([[Buffer.from('x'), a], [null, b], [Buffer.from('yz'), a]]), 1)
  assert.deepEqual([...tuples.keys()], ['018bcfe5-6800-7abc-8def-0123456789ab', '07070707-0707-0707-0707-070707070707'])
  const hexOfA = `0002${'00000001'}78${'00000010'}${a.toString('hex')}` + `0002${'00000002'}797a${'00000010'}${a.toString('hex')}`
  assert.equal(tuples.get('018bcfe5-6800-7abc-8def-0123456789ab')!.toString('hex'), hexOfA)
  assert.equal(tuples.get('07070707-0707-0707-0707-070707070707')!.toString('hex'), `0002ffffffff${'00000010'}${b.toString('hex')}`)
})

test('no tuples are none, and a stream that was cut is an error', () => {
  assert.equal(tuplesByKey(stream([]), 0).size, 0)
  const whole = stream([[Buffer.alloc(16, 1)]])
  assert.throws(() => tuplesByKey(whole.subarray(0, whole.length - 2), 0), RangeError)
})
