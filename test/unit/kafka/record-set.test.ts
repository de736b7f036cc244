/** kafkajs forgets a batch that compaction has emptied (C11), and fails on a batch of some 100,000 records. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { registerCodecs } from '#runtime/kafka/compression.ts'
import '#runtime/kafka/patches.ts'
import type { FetchedRecord } from '#runtime/kafka/repairs/fetched-record.ts'
import { decodeRecordSet } from '#runtime/kafka/repairs/record-set.ts'

const require = createRequire(import.meta.url)
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => object
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as { RecordBatch(batch: object): Promise<{ buffer: Buffer }> }
const theirChecksum = require('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number
const theirDecoder = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (decoder: object) => Promise<{ records: Record<string, unknown>[] }>

registerCodecs()
const CODECS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 }

interface Written { key: Buffer | null; value: Buffer | null; headers: Record<string, Buffer | Buffer[]>; timestamp: number }

/** A batch as a producer sends it, with the base offset that a broker gives it. */
async function batchOf(records: Written[], { baseOffset = 0, compression = 0, transactional = false } = {}): Promise<Buffer> {
  const firstTimestamp = records[0]?.timestamp ?? 0
  const encoded = records.map((record, offsetDelta) => encodeRecord({ ...record, offsetDelta, timestampDelta: record.timestamp - firstTimestamp }))
  const { buffer } = await RecordBatch({
    compression, firstTimestamp, maxTimestamp: firstTimestamp, producerId: 7, producerEpoch: 1, firstSequence: 0, transactional,
    lastOffsetDelta: Math.max(0, records.length - 1), records: encoded,
  })
  buffer.writeBigInt64BE(BigInt(baseOffset), 0)
  return buffer
}

const plain = (text: string): Written => ({ key: Buffer.from(text), value: Buffer.from(text.toUpperCase()), headers: {}, timestamp: 1_700_000_000_000 })

/** With the checksum that its bytes have, by kafkajs's own account. */
function signed(batch: Buffer): Buffer {
  batch.writeUInt32BE(theirChecksum(batch.subarray(21)), 17)
  return batch
}

/** What the log cleaner leaves of a batch whose records are all gone (KAFKA-4935: it keeps the producer's last sequence). */
async function emptied(records: number, baseOffset: number): Promise<Buffer> {
  const header = Buffer.from((await batchOf(Array.from({ length: records }, () => plain('x')), { baseOffset })).subarray(0, 61))
  header.writeInt32BE(61 - 12, 8)
  header.writeInt16BE(CODECS.zstd, 21)
  header.writeInt32BE(0, 57)
  return signed(header)
}

const bytes = (maxLength: number): fc.Arbitrary<Buffer> => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array))
const written: fc.Arbitrary<Written> = fc.record({
  key: fc.option(bytes(60)),
  value: fc.option(fc.oneof(bytes(300), bytes(20_000))),
  // kafkajs takes what every object inherits for a header's first value; the last test but one is about such names.
  headers: fc.dictionary(fc.string({ unit: 'binary', maxLength: 40 }).filter((name) => !(name in {})), fc.oneof(bytes(40), fc.array(bytes(40), { minLength: 2, maxLength: 3 })), { maxKeys: 4 }),
  timestamp: fc.integer({ min: 1_000_000_000_000, max: 9_999_999_999_999 }),
})

const asTheirs = ({ key, value, offset, timestampMs, headers }: FetchedRecord) => ({ key, value, offset: String(offset), timestamp: String(timestampMs), headers: new Map(headers) })

/** A repeated header counts with its last value. */
const lastOf = (headers: Written['headers']) => new Map(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.at(-1)! : value]))

for (const [name, compression] of Object.entries(CODECS)) {
  test(`records are decoded as kafkajs decodes them: ${name}`, async () => {
    await fc.assert(fc.asyncProperty(fc.array(written, { minLength: 1, maxLength: 30 }), fc.boolean(), async (records, transactional) => {
      const bytes = await batchOf(records, { baseOffset: 4_000_000_000, compression, transactional })
      const { records: theirs } = await theirDecoder(new Decoder(bytes))
      const ours = await decodeRecordSet(bytes)
      assert.deepEqual(ours.records.map(asTheirs), theirs.map(({ key, value, offset, timestamp, headers }) => ({ key, value, offset, timestamp, headers: lastOf(headers as Written['headers']) })))
      assert.ok(ours.records.every(({ batch }) => batch.producerId === '7' && batch.inTransaction === transactional && !batch.isControl))
      assert.equal(ours.nextOffset, 4_000_000_000 + records.length)
    }), { numRuns: 60 })
  })
}

test('a batch that compaction has emptied still says where the next one begins', async () => {
  const set = await decodeRecordSet(Buffer.concat([await batchOf([plain('a')]), await emptied(5, 1)]))
  assert.deepEqual([set.records.length, set.nextOffset], [1, 6])
})

test('a batch that is cut off is left for the next fetch', async () => {
  const [first, second] = [await batchOf([plain('a'), plain('b')]), await batchOf([plain('c')], { baseOffset: 2 })]
  for (const length of [0, 10, 60, second.length - 1]) {
    const set = await decodeRecordSet(Buffer.concat([first, second.subarray(0, length)]))
    assert.deepEqual([set.records.length, set.nextOffset], [2, 2], `${length} bytes of the second`)
  }
})

test('a batch of 200,000 records is decoded', async () => {
  const many = await batchOf(Array.from({ length: 200_000 }, () => ({ key: null, value: null, headers: {}, timestamp: 1 })))
  assert.equal((await decodeRecordSet(many)).records.length, 200_000)
})

test('a header may be called as what every object has', async () => {
  const headers = Object.fromEntries(['__proto__', 'valueOf'].map((name) => [name, Buffer.from('x')]))
  const [record] = (await decodeRecordSet(await batchOf([{ ...plain('a'), headers }]))).records
  assert.deepEqual([...record!.headers], [['__proto__', Buffer.from('x')], ['valueOf', Buffer.from('x')]])
  assert.deepEqual([record!.headers.get('valueOf'), record!.headers.get('toString')], [Buffer.from('x'), undefined])
})

test('of a header that is repeated the last value counts, and one without a value is none', async () => {
  const headers = { twice: [Buffer.from('one'), Buffer.from('two')], last: Buffer.from('x') }
  const batch = await batchOf([{ ...plain('a'), headers }])
  const [record] = (await decodeRecordSet(batch)).records
  assert.deepEqual(['twice', 'last', 'las', 'lasts', 'tast'].map((name) => record!.headers.get(name)?.toString()), ['two', 'x', undefined, undefined, undefined])
  const end = batch.length
  assert.deepEqual([...batch.subarray(end - 2)], [2, 'x'.charCodeAt(0)], 'it ends with the length and the byte of the last value')
  const empty = Buffer.concat([batch.subarray(0, end - 2), Buffer.from([1])])
  empty.writeInt32BE(empty.length - 12, 8)
  empty[61]! -= 2 // one byte less, zigzag
  const [without] = (await decodeRecordSet(signed(empty))).records
  assert.deepEqual([without!.headers.get('last'), [...without!.headers].map(([name]) => name)], [undefined, ['twice', 'twice']])
})

test('the parts of a record are the same each time they are asked for, at small and at large numbers', async () => {
  const big = { key: Buffer.alloc(70, 1), value: Buffer.alloc(20_000, 2), headers: { h: Buffer.alloc(200, 3) }, timestamp: 1_700_000_000_000 }
  const late = { key: null, value: null, headers: {}, timestamp: 1_900_000_000_000 }
  const [first, second] = (await decodeRecordSet(await batchOf([big, late]))).records
  for (let time = 0; time < 2; time++) {
    assert.deepEqual([first!.key, first!.value, first!.headers.get('h')], [big.key, big.value, big.headers.h])
    assert.deepEqual([first!.timestampMs, second!.timestampMs, second!.key, second!.value], [big.timestamp, late.timestamp, null, null])
  }
})

test('bytes that are no records are an error, and never a record that was not written', async () => {
  await assert.rejects(decodeRecordSet(Buffer.alloc(61)), { name: 'RangeError' })
  const batch = await batchOf([plain('a'), plain('b')])
  for (let at = 61; at < batch.length; at++) {
    const cut = Buffer.from(batch.subarray(0, at))
    cut.writeInt32BE(at - 12, 8)
    await assert.rejects(decodeRecordSet(signed(cut)), { name: 'RangeError', message: /record/ }, `cut at ${at}`)
  }
})

test('a batch with one wrong bit is refused, wherever the bit is (C12)', async () => {
  const batch = await batchOf([plain('a'), plain('b')], { compression: CODECS.zstd })
  for (let at = 21; at < batch.length; at++) {
    const damaged = Buffer.from(batch)
    damaged[at]! ^= 1
    await assert.rejects(decodeRecordSet(damaged), { name: 'RangeError', message: /checksum/ }, `byte ${at}`)
  }
})
