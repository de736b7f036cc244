/**
 * The records of a fetch response, in place of kafkajs's decoder. That forgets a batch which compaction has emptied, and with
 * it where the next one begins; it fails on a batch of some 100,000 records, which it passes as so many arguments; it makes a
 * big integer of every offset and time; and it does not look at checksums. The format is that of KIP-98 (magic 2), the only
 * one that Kafka 4 serves (KIP-724).
 *
 * Records are places in what was fetched (`fetched-record.ts`), and their parts slices of it: who keeps one for long copies it.
 */
import { crc32c } from './crc32c.ts'
import { FetchedRecord, type Place, type RecordBatch } from './fetched-record.ts'
import { kafkajsModule } from './kafkajs-modules.ts'
import { damaged, RecordCursor } from './record-cursor.ts'

/** What one partition's answer to a fetch holds. */
export interface RecordSet {
  /** Of all its records: empty until it is known. */
  place: Place
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
  const set: RecordSet = { place: { topic: '', partition: -1 }, records: [], nextOffset: undefined }
  const batches = batchesIn(bytes)
  const plain = batches.map(decompressed)
  for (const [index, batch] of batches.entries()) {
    const records = plain[index]
    // A log of small transactions is mostly batches of one record: what is not compressed waits for nothing.
    decodeBatch(batch, records instanceof Promise ? await records : records, set)
  }
  return set
}

/** The whole ones, as they are checked. */
function batchesIn(bytes: Buffer): Buffer[] {
  const batches: Buffer[] = []
  for (let at = 0; at + RECORDS <= bytes.length;) {
    const end = at + PREFIX_BYTES + bytes.readInt32BE(at + LENGTH)
    if (bytes[at + MAGIC] !== 2 || end < at + RECORDS) throw damaged(`no record batch begins at its byte ${at}`)
    if (end > bytes.length) break
    const batch = bytes.subarray(at, end)
    if (batch.readUInt32BE(CRC) !== crc32c(batch, ATTRIBUTES)) throw damaged(`the record batch at its byte ${at} has another checksum than it says`)
    batches.push(batch)
    at = end
  }
  return batches
}

/** Undefined for a batch without records, whatever is written there. */
function decompressed(batch: Buffer): Promise<Buffer> | Buffer | undefined {
  if (batch.readInt32BE(RECORD_COUNT) <= 0) return undefined
  const records = batch.subarray(RECORDS)
  const plain = lookupCodecByAttributes(batch.readInt16BE(ATTRIBUTES))?.decompress(records)
  plain?.catch(() => {}) // told when it is awaited, unless another batch is to blame first
  return plain ?? records
}

function decodeBatch(header: Buffer, plain: Buffer | undefined, set: RecordSet): void {
  set.nextOffset = Number(header.readBigInt64BE(BASE_OFFSET)) + header.readInt32BE(LAST_OFFSET_DELTA) + 1
  if (!plain) return
  const batch = batchOf(header, plain, set.place)
  const cursor = new RecordCursor(plain)
  for (let left = header.readInt32BE(RECORD_COUNT); left > 0; left--) set.records.push(nextRecord(batch, cursor))
}

function batchOf(header: Buffer, bytes: Buffer, place: Place): RecordBatch {
  const attributes = header.readInt16BE(ATTRIBUTES)
  const timeAt = (at: number): number => Number(header.readBigInt64BE(at))
  return {
    place, bytes,
    baseOffset: Number(header.readBigInt64BE(BASE_OFFSET)),
    baseTimestamp: timeAt(BASE_TIMESTAMP),
    appendTime: (attributes & LOG_APPEND_TIME) === 0 ? undefined : timeAt(MAX_TIMESTAMP),
    producerId: String(header.readBigInt64BE(PRODUCER_ID)),
    inTransaction: (attributes & TRANSACTIONAL) !== 0,
    isControl: (attributes & CONTROL) !== 0,
  }
}

/** Goes over all of its parts, so that a record which is not whole is found now and not by whoever asks for a part. */
function nextRecord(batch: RecordBatch, cursor: RecordCursor): FetchedRecord {
  const length = cursor.varint()
  const at = cursor.at
  cursor.skipByte() // attributes; none are defined
  cursor.varlong() // timestamp
  const offset = batch.baseOffset + cursor.varint()
  cursor.skipBytes() // key
  cursor.skipBytes() // value
  for (let headers = cursor.varint(); headers > 0; headers--) {
    cursor.skipBytes() // name
    cursor.skipBytes()
  }
  if (cursor.at !== at + length) throw damaged('a record is not as long as it says')
  return new FetchedRecord(batch, offset, at)
}
