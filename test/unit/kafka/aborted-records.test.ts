/** kafkajs delivers records of aborted transactions when two of them overlap on a partition (C1), and trusts keys (C2). */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { filterAborted, type AbortedTransaction, type FetchedMessage } from '#runtime/kafka/repairs/aborted-records.ts'
import '#runtime/kafka/patches.ts'

const data = (offset: number, producerId: string, over: Partial<FetchedMessage> = {}): FetchedMessage =>
  ({ offset, key: Buffer.from('k'), batch: { producerId, inTransaction: true, isControl: false }, ...over })
const marker = (offset: number, producerId: string, type: 'abort' | 'commit'): FetchedMessage =>
  data(offset, producerId, { batch: { producerId, inTransaction: true, isControl: true }, key: Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1]) })
const delivered = (messages: FetchedMessage[], abortedTransactions: AbortedTransaction[]): number[] =>
  filterAborted({ messages, abortedTransactions }).filter(({ batch }) => !batch.isControl).map(({ offset }) => offset)

test('records of two overlapping aborted transactions are not delivered, in whichever order they ended', () => {
  const messages = [data(100, 'A'), data(101, 'B'), marker(102, 'B', 'abort'), marker(103, 'A', 'abort'), data(104, 'A'), marker(105, 'A', 'commit')]
  const endedBFirst = [{ producerId: 'B', firstOffset: '101' }, { producerId: 'A', firstOffset: '100' }]
  assert.deepEqual(delivered(messages, endedBFirst), [104])
  assert.deepEqual(delivered(messages, endedBFirst.toReversed()), [104])
})

test('a fetch that begins inside two aborted transactions enters both at its first record', () => {
  const messages = [data(101, 'A'), marker(102, 'B', 'abort'), data(103, 'A'), marker(104, 'A', 'abort')]
  assert.deepEqual(delivered(messages, [{ producerId: 'B', firstOffset: '90' }, { producerId: 'A', firstOffset: '95' }]), [])
})

test('a user key of four zero bytes ends no transaction', () => {
  const messages = [data(100, 'A', { key: Buffer.alloc(4) }), data(101, 'A'), marker(102, 'A', 'abort')]
  assert.deepEqual(delivered(messages, [{ producerId: 'A', firstOffset: '100' }]), [])
})

test('records outside of transactions, and of producers that aborted nothing, are delivered', () => {
  const messages = [data(100, 'A', { batch: { producerId: 'A', inTransaction: false, isControl: false } }), data(101, 'C'), data(102, 'A'), marker(103, 'A', 'abort')]
  assert.deepEqual(delivered(messages, [{ producerId: 'A', firstOffset: '100' }]), [100, 101])
})

test('kafkajs uses this filter', () => {
  const Batch = createRequire(import.meta.url)('kafkajs/src/consumer/batch') as new (topic: string, offset: string, data: object) => { messages: FetchedMessage[] }
  const messages = [data(100, 'A'), data(101, 'B'), marker(102, 'B', 'abort'), marker(103, 'A', 'abort')]
  const batch = new Batch('t', '100', { partition: 0, highWatermark: '104', messages: { place: {}, records: messages, nextOffset: 104 }, abortedTransactions: [{ producerId: 'B', firstOffset: '101' }, { producerId: 'A', firstOffset: '100' }] })
  assert.deepEqual(batch.messages, [])
})
