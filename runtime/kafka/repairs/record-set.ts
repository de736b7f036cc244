/**
 * Decodes the records of a fetch response in place of kafkajs's `decodeMessages`. That forgets a batch which compaction
 * has emptied, and with it where the next one begins; it fails on a batch of some 100,000 records, which it passes as so
 * many arguments; it makes a big integer of every offset and time; and it does not look at checksums. The format is that of KIP-98 (magic 2), the only
 * one that Kafka 4 serves (KIP-724).
 *
 * Keys and values are slices of what was fetched: who keeps one for long copies it.
 * Imported before kafkajs, whose modules load each other by path.
 */
import { crc32c } from './crc32c.ts'
import { kafkajsModule, replaceKafkajsModule } from './kafkajs-modules.ts'

/** Of a batch, for each of its records. */
export interface BatchContext {
  producerId: string
  inTransaction: boolean
}

/** A record as kafkajs's consumers get it. */
export interface FetchedRecord {
  attributes: number
  timestamp: string
  offset: string
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, HeaderValue | HeaderValue[]>
  isControlRecord: boolean
  batchContext: BatchContext
}

type HeaderValue = Buffer | null

/** What one partition's answer to a fetch holds. */
export interface RecordSet {
  /** In order of offset, control records included; the first may lie before the offset that was asked for. */
  records: FetchedRecord[]
  /** Offset after the last whole batch, whether or not that has records left; undefined when there is no whole batch. */
  nextOffset: number | undefined
}

const BASE_OFFSET = 0, LENGTH = 8, MAGIC = 16, CRC = 17, ATTRIBUTES = 21, LAST_OFFSET_DELTA = 23, BASE_TIMESTAMP = 27, MAX_TIMESTAMP = 35,
  PRODUCER_ID = 43, RECORD_COUNT = 57, RECORDS = 61

/** Bytes before the part that `LENGTH` counts. */
const PREFIX_BYTES = 12

const LOG_APPEND_TIME = 0x08, TRANSACTIONAL = 0x10, CONTROL = 0x20

interface Codec { decompress(buffer: Buffer): Promise<Buffer> }

const { lookupCodecByAttributes } = kafkajsModule<{ lookupCodecByAttributes(attributes: number): Codec | null }>('protocol/message/compression')

/** A batch that is cut off at the end is left for the next fetch. @throws RangeError when the bytes are not what the format says */
export async function decodeRecordSet(bytes: Buffer): Promise<RecordSet> {
  const set: RecordSet = { records: [], nextOffset: undefined }
  for (let at = 0; at + RECORDS <= bytes.length;) {
    const end = at + PREFIX_BYTES + bytes.readInt32BE(at + LENGTH)
    if (bytes[at + MAGIC] !== 2 || end < at + RECORDS) throw damaged(`no record batch begins at its byte ${at}`)
    if (end > bytes.length) break
    const batch = bytes.subarray(at, end)
    if (batch.readUInt32BE(CRC) !== crc32c(batch, ATTRIBUTES)) throw damaged(`the record batch at its byte ${at} has another checksum than it says`)
    const decompressing = decodeBatch(batch, set)
    // A log of small transactions is mostly batches of one record: what is not compressed waits for nothing.
    if (decompressing) await decompressing
    at = end
  }
  return set
}

function decodeBatch(batch: Buffer, set: RecordSet): Promise<void> | undefined {
  set.nextOffset = Number(batch.readBigInt64BE(BASE_OFFSET)) + batch.readInt32BE(LAST_OFFSET_DELTA) + 1
  if (batch.readInt32BE(RECORD_COUNT) <= 0) return undefined
  const records = batch.subarray(RECORDS)
  const codec = lookupCodecByAttributes(batch.readInt16BE(ATTRIBUTES))
  if (codec) return codec.decompress(records).then((plain) => decodeRecords(batch, plain, set))
  decodeRecords(batch, records, set)
  return undefined
}

function decodeRecords(batch: Buffer, plain: Buffer, { records }: RecordSet): void {
  const attributes = batch.readInt16BE(ATTRIBUTES)
  const batchContext: BatchContext = { producerId: String(batch.readBigInt64BE(PRODUCER_ID)), inTransaction: (attributes & TRANSACTIONAL) !== 0 }
  const isControlRecord = (attributes & CONTROL) !== 0
  const baseOffset = Number(batch.readBigInt64BE(BASE_OFFSET))
  const baseTimestamp = Number(batch.readBigInt64BE(BASE_TIMESTAMP))
  const appendTime = (attributes & LOG_APPEND_TIME) !== 0 ? String(batch.readBigInt64BE(MAX_TIMESTAMP)) : undefined
  const cursor = new RecordCursor(plain)
  for (let left = batch.readInt32BE(RECORD_COUNT); left > 0; left--) {
    const length = cursor.varint()
    const end = cursor.at + length
    const recordAttributes = cursor.byte()
    const timestamp = baseTimestamp + cursor.varlong()
    records.push({
      attributes: recordAttributes,
      timestamp: appendTime ?? String(timestamp),
      offset: String(baseOffset + cursor.varint()),
      key: cursor.bytes(),
      value: cursor.bytes(),
      headers: decodeHeaders(cursor),
      isControlRecord,
      batchContext,
    })
    if (cursor.at !== end) throw damaged('a record is not as long as it says')
  }
}

/** A name that comes again makes a list of its values, as in kafkajs. */
function decodeHeaders(cursor: RecordCursor): FetchedRecord['headers'] {
  const headers: FetchedRecord['headers'] = {}
  for (let left = cursor.varint(); left > 0; left--) {
    const name = cursor.text()
    const value = cursor.bytes()
    const values = Object.hasOwn(headers, name) ? [headers[name]!, value].flat() : value
    // An assignment to `__proto__` would change the object instead of naming a header.
    if (name === '__proto__') Object.defineProperty(headers, name, { value: values, enumerable: true, configurable: true, writable: true })
    else headers[name] = values
  }
  return headers
}

/** Reads a batch's records field by field; what would lie beyond the end is an error. */
class RecordCursor {
  readonly #buffer: Buffer
  at = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  byte(): number {
    const byte = this.#buffer[this.at]
    if (byte === undefined) throw damaged('a record batch ends within a record')
    this.at += 1
    return byte
  }

  /** Zigzag, 32 bits. */
  varint(): number {
    let raw = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      raw |= (byte & 0x7f) << shift
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1)
    }
    throw damaged('a number is longer than 32 bits')
  }

  /** Zigzag, 64 bits; exact up to 2^52, which no time comes near. */
  varlong(): number {
    let raw = 0
    for (let factor = 1; factor <= 2 ** 63; factor *= 128) {
      const byte = this.byte()
      raw += (byte & 0x7f) * factor
      if (byte < 0x80) return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
    }
    throw damaged('a number is longer than 64 bits')
  }

  bytes(): Buffer | null {
    const length = this.varint()
    if (length < 0) return null
    const from = this.#skip(length)
    return this.#buffer.subarray(from, this.at)
  }

  text(): string {
    const from = this.#skip(Math.max(0, this.varint()))
    return this.#buffer.toString('utf8', from, this.at)
  }

  #skip(length: number): number {
    const from = this.at
    if (length > this.#buffer.length - from) throw damaged('a field is longer than its record batch')
    this.at += length
    return from
  }
}

function damaged(how: string): RangeError {
  return new RangeError(`The broker's answer is damaged: ${how}.`)
}

interface ResponseDecoder {
  readInt32(): number
  canReadBytes(length: number): boolean
  readBytes(length: number): Buffer
}

/** The field as it stands in a fetch response: its length, then the batches. */
async function decodeField(decoder: ResponseDecoder): Promise<RecordSet> {
  const length = decoder.readInt32()
  if (length <= 0 || !decoder.canReadBytes(length)) return { records: [], nextOffset: undefined }
  return decodeRecordSet(decoder.readBytes(length))
}

replaceKafkajsModule('protocol/requests/fetch/v4/decodeMessages', decodeField)
