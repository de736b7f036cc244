/** kafkajs stands still, or moves by one offset a fetch, behind what compaction removed (C11). */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { FetchedBatch } from '#runtime/kafka/repairs/fetched-batch.ts'
import '#runtime/kafka/patches.ts'
import { FetchedRecord } from '#runtime/kafka/repairs/fetched-record.ts'

const place = { topic: '', partition: -1 }

/** Attributes, timestamp delta 0, offset delta 0, no key, no value, no headers. */
const BYTES = Buffer.from([0, 0, 0, 1, 1, 0])

const record = (offset: number, { isControl = false } = {}): FetchedRecord =>
  new FetchedRecord({ place, bytes: BYTES, baseOffset: 0, baseTimestamp: 0, appendTime: undefined, producerId: '1', inTransaction: false, isControl }, offset, 0)

/** What a fetch at `from` brought of a log that ends at 1,000. */
const fetched = (from: number, records: FetchedRecord[], nextOffset: number | undefined): FetchedBatch =>
  new FetchedBatch('t', String(from), { partition: 0, highWatermark: '1000', abortedTransactions: null, messages: { place, records, nextOffset } })

test('reading goes on after a batch whose last records were removed, not after its last record', () => {
  const batch = fetched(10, [record(10)], 500)
  assert.deepEqual([batch.messages.length, batch.firstOffset(), batch.lastOffset(), batch.nextOffset], [1, '10', '499', 500])
})

test('a batch without records is passed, though it has nothing for a consumer', () => {
  const batch = fetched(10, [], 20)
  assert.deepEqual([batch.isEmpty(), batch.isEmptyDueToFiltering(), batch.lastOffset()], [true, true, '19'])
})

test('a fetch that starts within a removed tail passes it at once', () => {
  const batch = fetched(12, [record(10), record(11)], 500)
  assert.deepEqual([batch.messages.length, batch.isEmptyDueToFiltering(), batch.lastOffset()], [0, true, '499'])
})

test('a fetch that brought nothing leaves the position where it was', () => {
  const batch = fetched(1_000, [], undefined)
  assert.deepEqual([batch.isEmpty(), batch.isEmptyDueToFiltering(), batch.nextOffset], [true, false, 1_000])
})

test('records below the offset that was asked for, and control records, are not delivered', () => {
  const batch = fetched(11, [record(10), record(11), record(12, { isControl: true })], 13)
  assert.deepEqual(batch.messages.map(({ topic, partition, offset }) => [topic, partition, offset]), [['t', 0, 11]])
  assert.deepEqual([batch.firstOffset(), batch.lastOffset(), batch.offsetLag(), batch.offsetLagLow()], ['11', '12', '987', '988'])
})

test('kafkajs uses this batch', () => {
  assert.equal(createRequire(import.meta.url)('kafkajs/src/consumer/batch'), FetchedBatch)
})
