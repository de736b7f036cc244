/**
 * A record in the bytes that were fetched (KIP-98, "Record"). A stage holds thousands of records, and most of their parts
 * are asked for once or never: so a record is a place in its batch, and a part is cut out each time it is asked for.
 *
 *   length | attributes | timestamp delta | offset delta | key | value | headers
 *          └── `at`
 */
import type { RecordHeaders, SourceRecord } from '../../loop/ports.ts'
import { RecordCursor } from './record-cursor.ts'

/** Where the records of a fetch stand. kafkajs decodes an answer before it says of which partition that is. */
export interface Place {
  topic: string
  partition: number
}

/** What the records of one batch have in common. */
export interface RecordBatch {
  readonly place: Place
  /** The records, decompressed. They stay in memory as long as one of them does. */
  readonly bytes: Buffer
  readonly baseOffset: number
  readonly baseTimestamp: number
  /** The broker's time for all of them, where the topic is set to it. */
  readonly appendTime: number | undefined
  readonly producerId: string
  readonly inTransaction: boolean
  readonly isControl: boolean
}

export class FetchedRecord implements SourceRecord {
  readonly batch: RecordBatch
  readonly offset: number
  readonly #at: number

  /** `at`: where the attributes stand in the batch's bytes, of a record that was found to be whole. */
  constructor(batch: RecordBatch, offset: number, at: number) {
    this.batch = batch
    this.offset = offset
    this.#at = at
  }

  get topic(): string {
    return this.batch.place.topic
  }

  get partition(): number {
    return this.batch.place.partition
  }

  /** Unix milliseconds. */
  get timestampMs(): number {
    const { appendTime, baseTimestamp, bytes } = this.batch
    if (appendTime !== undefined) return appendTime
    return baseTimestamp + new RecordCursor(bytes, this.#at + 1).varlong()
  }

  get key(): Buffer | null {
    return this.#cursorAtKey().bytes()
  }

  get value(): Buffer | null {
    const cursor = this.#cursorAtKey()
    cursor.skipBytes()
    return cursor.bytes()
  }

  get size(): number {
    const cursor = this.#cursorAtKey()
    const from = cursor.at
    cursor.skipBytes()
    cursor.skipBytes()
    return cursor.at - from
  }

  get headers(): RecordHeaders {
    const cursor = this.#cursorAtKey()
    cursor.skipBytes()
    cursor.skipBytes()
    return new FetchedHeaders(this.batch.bytes, cursor.at)
  }

  #cursorAtKey(): RecordCursor {
    const cursor = new RecordCursor(this.batch.bytes, this.#at + 1)
    cursor.skipVarint()
    cursor.skipVarint()
    return cursor
  }
}

/** A header without a value is none. */
class FetchedHeaders implements RecordHeaders {
  readonly #bytes: Buffer
  /** Where their number stands. */
  readonly #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  get(name: string): Buffer | undefined {
    const cursor = new RecordCursor(this.#bytes, this.#at)
    let last: Buffer | undefined
    for (let left = cursor.varint(); left > 0; left--) {
      if (cursor.isText(name)) last = cursor.bytes() ?? last
      else cursor.skipBytes()
    }
    return last
  }

  * [Symbol.iterator](): Generator<[string, Buffer]> {
    const cursor = new RecordCursor(this.#bytes, this.#at)
    for (let left = cursor.varint(); left > 0; left--) {
      const name = cursor.text()
      const value = cursor.bytes()
      if (value !== null) yield [name, value]
    }
  }
}
