/**
 * Replaces kafkajs's encoder of produce requests, which takes most of a busy stage's time: it makes some ten buffers for
 * every record, and a big integer for every timestamp. This one sizes the records of a batch, and writes them into one
 * buffer; the bytes are the same (KIP-98, "Record Batch"; protocol guide, Produce versions 3 to 7).
 */
import { systemClock } from '../../clock.ts'
import { crc32c } from './crc32c.ts'
import { kafkajsModule, replaceKafkajsModule } from './kafkajs-modules.ts'
import { sizeOfVarint, writeVarint } from './varint.ts'

type Bytes = Buffer | string | null | undefined

/** A message as kafkajs takes it from the application, which may also be an `OutgoingRecord` as it is. */
export interface ProducedMessage {
  key?: Bytes
  value: Bytes
  /** Unix milliseconds; now when neither this nor `timestamp` is there. */
  timestampMs?: number | undefined
  /** The same as text, as kafkajs has it. */
  timestamp?: string | undefined
  /** A list repeats the header. */
  headers?: Readonly<Record<string, Bytes | Bytes[]>> | undefined
}

export interface BatchSpec {
  compression: number
  producerId: bigint | number | string | { toString(): string }
  producerEpoch: number
  firstSequence: number
  transactional: boolean
  messages: readonly ProducedMessage[]
}

interface Encoder {
  readonly buffer: Buffer
  writeInt16(value: number): Encoder
  writeInt32(value: number): Encoder
  writeString(value: string | null | undefined): Encoder
  writeBuffer(value: Buffer): Encoder
}

interface Codec { compress(encoder: { buffer: Buffer }): Promise<Buffer> }

const EncoderOfKafkajs = kafkajsModule<new (bytes: number) => Encoder>('protocol/encoder')
const { lookupCodec } = kafkajsModule<{ lookupCodec(type: number): Codec | null }>('protocol/message/compression')

const MAGIC = 2
const TRANSACTIONAL = 0x10
const CODEC_MASK = 0x07

/** From the base offset to the number of records. */
const BATCH_HEADER_BYTES = 61
/** Where the checksum stands; it covers what follows it. */
const CRC_AT = 17
const ATTRIBUTES_AT = 21

/** The bytes of one record batch. Its base timestamp is the least of its records'. */
export async function encodeRecordBatch({ compression, producerId, producerEpoch, firstSequence, transactional, messages }: BatchSpec): Promise<Buffer> {
  const times = timesOf(messages)
  const first = times.reduce((least, time) => Math.min(least, time), Infinity)
  const last = times.reduce((most, time) => Math.max(most, time), -Infinity)
  const records = encodeRecords(messages, times.map((time) => time - first))
  const codec = lookupCodec(compression & CODEC_MASK)
  const body = codec ? await codec.compress({ buffer: records }) : records
  const batch = Buffer.allocUnsafe(BATCH_HEADER_BYTES + body.length)
  batch.writeBigInt64BE(0n, 0)
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt32BE(0, 12)
  batch.writeInt8(MAGIC, 16)
  batch.writeInt16BE((compression & CODEC_MASK) | (transactional ? TRANSACTIONAL : 0), ATTRIBUTES_AT)
  batch.writeInt32BE(messages.length - 1, 23)
  batch.writeBigInt64BE(BigInt(first), 27)
  batch.writeBigInt64BE(BigInt(last), 35)
  batch.writeBigInt64BE(BigInt(producerId.toString()), 43)
  batch.writeInt16BE(producerEpoch, 51)
  batch.writeInt32BE(firstSequence, 53)
  batch.writeInt32BE(messages.length, 57)
  batch.set(body, BATCH_HEADER_BYTES)
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_AT), CRC_AT)
  return batch
}

function timesOf(messages: readonly ProducedMessage[]): number[] {
  const nowMs = systemClock.now()
  return messages.map(({ timestampMs, timestamp }) => timestampMs ?? (timestamp ? Number(timestamp) : nowMs))
}

/** Sized first and then written, straight from the messages: between the two only the sizes are kept. */
function encodeRecords(messages: readonly ProducedMessage[], timestampDeltas: readonly number[]): Buffer {
  const sizes = messages.map((message, index) => bodyBytes(message, index, timestampDeltas[index]!))
  const target = Buffer.allocUnsafeSlow(sizes.reduce((sum, size) => sum + sizeOfVarint(size) + size, 0))
  let at = 0
  for (const [index, message] of messages.entries()) {
    at = writeVarint(target, at, sizes[index]!)
    target[at++] = 0 // attributes of a record; none are defined
    at = writeVarint(target, at, timestampDeltas[index]!)
    at = writeVarint(target, at, index)
    at = writeBytes(target, at, message.key)
    at = writeBytes(target, at, message.value)
    at = writeVarint(target, at, countOf(message.headers))
    for (const name in message.headers) at = writeHeader(target, at, name, message.headers[name])
  }
  return target
}

/** Of a record without the length that stands before it. */
function bodyBytes({ key, value, headers }: ProducedMessage, offsetDelta: number, timestampDelta: number): number {
  let bytes = 1 + sizeOfVarint(timestampDelta) + sizeOfVarint(offsetDelta) + sizeOfBytes(key) + sizeOfBytes(value)
  bytes += sizeOfVarint(countOf(headers))
  for (const name in headers) bytes += sizeOfHeader(name, headers[name])
  return bytes
}

function countOf(headers: ProducedMessage['headers']): number {
  let count = 0
  for (const name in headers) {
    const value = headers[name]
    count += Array.isArray(value) ? value.length : 1
  }
  return count
}

function sizeOfHeader(name: string, value: Bytes | Bytes[]): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, each) => sum + sizeOfHeader(name, each), 0)
  return sizeOfBytes(nameOf(name)) + sizeOfBytes(value)
}

function writeHeader(target: Buffer, at: number, name: string, value: Bytes | Bytes[]): number {
  if (Array.isArray(value)) return value.reduce<number>((end, each) => writeHeader(target, end, name, each), at)
  return writeBytes(target, writeBytes(target, at, nameOf(name)), value)
}

/** The names are few; how many are kept is bounded all the same. */
const names = new Map<string, Buffer>()
const MAX_NAMES = 1_000

function nameOf(name: string): Buffer {
  const known = names.get(name)
  if (known) return known
  const bytes = Buffer.from(name)
  if (names.size < MAX_NAMES) names.set(name, bytes)
  return bytes
}

function sizeOfBytes(bytes: Bytes): number {
  if (bytes === null || bytes === undefined) return 1
  const length = lengthOf(bytes)
  return sizeOfVarint(length) + length
}

function writeBytes(target: Buffer, at: number, bytes: Bytes): number {
  if (bytes === null || bytes === undefined) return writeVarint(target, at, -1)
  const start = writeVarint(target, at, lengthOf(bytes))
  if (typeof bytes === 'string') return start + target.write(bytes, start)
  target.set(bytes, start)
  return start + bytes.length
}

function lengthOf(bytes: Buffer | string): number {
  return typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length
}

interface ProduceSpec {
  acks: number
  timeout: number
  transactionalId?: string | null
  producerId?: BatchSpec['producerId']
  producerEpoch?: number
  compression?: number
  topicData: { topic: string; partitions: { partition: number; firstSequence?: number; messages: ProducedMessage[] }[] }[]
}

/** Produce request, version 3, in the form that kafkajs's connection sends. */
export function produceRequest(spec: ProduceSpec): { apiKey: number; apiVersion: number; apiName: string; expectResponse(): boolean; encode(): Promise<Encoder> } {
  return { apiKey: 0, apiVersion: 3, apiName: 'Produce', expectResponse: () => spec.acks !== 0, encode: () => encodeProduce(spec) }
}

async function encodeProduce({ acks, timeout, transactionalId = null, producerId = -1, producerEpoch = 0, compression = 0, topicData }: ProduceSpec): Promise<Encoder> {
  const topics = await Promise.all(topicData.map(async ({ topic, partitions }) => ({
    topic,
    batches: await Promise.all(partitions.map(async ({ partition, firstSequence = 0, messages }) => ({
      partition, bytes: await encodeRecordBatch({ compression, producerId, producerEpoch, firstSequence, transactional: Boolean(transactionalId), messages }),
    }))),
  })))
  const bytes = topics.reduce((sum, { topic, batches }) => sum + topic.length + batches.reduce((inner, batch) => inner + batch.bytes.length + 8, 0), 64)
  const request = new EncoderOfKafkajs(bytes).writeString(transactionalId).writeInt16(acks).writeInt32(timeout).writeInt32(topics.length)
  for (const { topic, batches } of topics) {
    request.writeString(topic).writeInt32(batches.length)
    for (const { partition, bytes } of batches) request.writeInt32(partition).writeInt32(bytes.length).writeBuffer(bytes)
  }
  return request
}

replaceKafkajsModule('protocol/requests/produce/v3/request', produceRequest)
