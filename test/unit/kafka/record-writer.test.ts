import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import fc from 'fast-check'
import { crc32c } from '#runtime/kafka/repairs/crc32c.ts'
import { registerCodecs } from '#runtime/kafka/compression.ts'
import { groupByPartition } from '#runtime/kafka/repairs/partition-groups.ts'
import { produceRequest, type ProducedMessage } from '#runtime/kafka/repairs/record-writer.ts'
import { sizeOfVarint, writeVarint } from '#runtime/kafka/repairs/varint.ts'

registerCodecs()

/** kafkajs as it is installed: its modules once more, beside those in use, and none of them mended. */
function unmended<T>(module: string): T {
  const require = createRequire(import.meta.url)
  const inUse = new Map(Object.entries(require.cache))
  for (const name of Object.keys(require.cache)) if (/kafkajs.src.protocol.(requests|recordBatch)/.test(name)) delete require.cache[name]
  const loaded = require(`kafkajs/src/protocol/${module}`) as T
  for (const name of Object.keys(require.cache)) if (!inUse.has(name)) delete require.cache[name]
  for (const [name, entry] of inUse) require.cache[name] = entry
  return loaded
}

const theirRequest = unmended<typeof produceRequest>('requests/produce/v3/request.js')

assert.notEqual(theirRequest, produceRequest)

const NONE = 0
const ZSTD = 4

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array))
const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((name) => name !== '__proto__')
/** kafkajs cannot write a header without a value, so null is left to the test after this one. */
const headerValue = fc.oneof(bytes(40), fc.string({ unit: 'binary', maxLength: 40 }))
const message: fc.Arbitrary<ProducedMessage> = fc.record({
  key: fc.oneof(fc.constant(null), bytes(60), text),
  value: fc.oneof(fc.constant(null), bytes(300), text, bytes(20_000)),
  timestamp: fc.integer({ min: 1_000_000_000_000, max: 9_999_999_999_999 }).map(String),
  headers: fc.dictionary(text, fc.oneof(headerValue, fc.array(headerValue, { maxLength: 3 })), { maxKeys: 5 }),
})
const messages = fc.array(message, { minLength: 1, maxLength: 40 })

const specOf = (compression: number, batch: ProducedMessage[]) => ({
  acks: -1, timeout: 30_000, transactionalId: 'sluice.dedupe.a.0', producerId: 9_007_199_254_740_993n, producerEpoch: 3, compression,
  topicData: [{ topic: 'asset.tagged', partitions: [{ partition: 4, firstSequence: 77, messages: batch }, { partition: 5, firstSequence: 0, messages: batch.slice(0, 1) }] }],
})

for (const [name, compression] of [['uncompressed', NONE], ['zstd', ZSTD]] as const) {
  test(`a produce request has the bytes that kafkajs would send: ${name}`, async () => {
    await fc.assert(fc.asyncProperty(messages, async (batch) => {
      const [ours, theirs] = await Promise.all([produceRequest(specOf(compression, batch)).encode(), theirRequest(specOf(compression, batch)).encode()])
      assert.deepEqual(ours.buffer, theirs.buffer)
    }), { numRuns: 200 })
  })
}

test('a request of several topics, without a transaction, has the bytes that kafkajs would send', async () => {
  const one = [{ key: 'k', value: 'v', timestamp: '1700000000000' }]
  const spec = { acks: 1, timeout: 5, compression: NONE, topicData: ['a', 'b'].map((topic) => ({ topic, partitions: [{ partition: 0, messages: one }] })) }
  assert.deepEqual((await produceRequest(spec).encode()).buffer, (await theirRequest(spec).encode()).buffer)
})

test('a time as a number has the bytes of the same time as text', async () => {
  const specWith = (times: Pick<ProducedMessage, 'timestamp' | 'timestampMs'>[]) => specOf(NONE, times.map((time) => ({ value: 'v', ...time })))
  const ours = await produceRequest(specWith([{ timestampMs: 1_700_000_000_500 }, { timestampMs: 1_700_000_000_000 }])).encode()
  const theirs = await theirRequest(specWith([{ timestamp: '1700000000500' }, { timestamp: '1700000000000' }])).encode()
  assert.deepEqual(ours.buffer, theirs.buffer)
})

test('a header may have no value, which kafkajs cannot write', async () => {
  const spec = { acks: -1, timeout: 0, compression: NONE, topicData: [{ topic: 't', partitions: [{ partition: 0, messages: [{ value: 'v', headers: { b: null } }] }] }] }
  const { buffer } = await produceRequest(spec).encode()
  // Zigzag: one header (02), a name of one byte (02, 'b'), a value of length -1 (01).
  assert.equal(buffer.subarray(-4).toString('hex'), '02026201')
})

test('messages are grouped by partition in their order', () => {
  const messages = [2, 0, 2, 1, 0].map((partition, n) => ({ partition, n }))
  const partitioner = ({ message }: { message: { partition: number; n: number } }): number => message.partition
  const groups = groupByPartition({ topic: 't', partitionMetadata: [{}], messages, partitioner })
  assert.deepEqual(Object.entries(groups).map(([partition, group]) => [partition, group.map(({ n }) => n)]), [['0', [1, 4]], ['1', [3]], ['2', [0, 2]]])
  assert.deepEqual(groupByPartition({ topic: 't', partitionMetadata: [], messages, partitioner }), {})
})

test('the checksum is CRC-32C', () => {
  // RFC 3720, appendix B.4: 32 bytes of zeros, of ones, and rising.
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
  assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, n) => n))), 0x46dd794e)
  // The check value of the CRC catalogues, over nine digits: not a multiple of eight.
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  assert.equal(crc32c(Buffer.from('xx123456789'), 2), 0xe3069283)
})

/** By the definition, with big integers. */
function decoded(varint: Uint8Array): bigint {
  const raw = varint.reduceRight((sum, byte) => (sum << 7n) | BigInt(byte & 0x7f), 0n)
  return raw & 1n ? -((raw + 1n) >> 1n) : raw >> 1n
}

test('a number is written in zigzag, seven bits a byte, and its size is known before', () => {
  // Zigzag: 0, -1, 1, -2 are 0, 1, 2, 3; seven bits a byte, the least first.
  for (const [value, hex] of [[0, '00'], [-1, '01'], [1, '02'], [63, '7e'], [64, '8001'], [-64, '7f'], [-65, '8101'], [2 ** 31, '8080808010']] as const) {
    const target = Buffer.alloc(10)
    assert.equal(writeVarint(target, 0, value), hex.length / 2)
    assert.equal(target.toString('hex', 0, hex.length / 2), hex)
  }
  fc.assert(fc.property(fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }), (value) => {
    const target = Buffer.alloc(10)
    const end = writeVarint(target, 0, value)
    assert.equal(end, sizeOfVarint(value))
    assert.equal(decoded(target.subarray(0, end)), BigInt(value))
  }))
})
