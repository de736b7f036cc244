/**
 * The id that a broker gave to a topic when it was created (KIP-516): a topic that was deleted and created again has the
 * same name and another id. kafkajs speaks Metadata up to version 6, which does not tell.
 */
import { askBroker } from './plain-request.ts'

const METADATA = 3
const VERSION = 12
const DEADLINE_MS = 5_000

const NO_TAGS = Buffer.of(0)
const NO_ID = Buffer.alloc(16)

/** 32 hexadecimal digits. @param brokers host:port; the first that answers decides */
export async function topicId(brokers: readonly string[], topic: string): Promise<string> {
  const failures: unknown[] = []
  for (const broker of brokers) {
    try {
      return parseTopicId(await askBroker(broker, { api: METADATA, version: VERSION, body: requestFor(topic) }, DEADLINE_MS))
    } catch (error) {
      failures.push(error)
    }
  }
  throw new AggregateError(failures, `no broker told the id of ${topic}`)
}

/** Header's tags; one topic by its name; no creation, no permissions; tags. */
function requestFor(topic: string): Buffer {
  const name = Buffer.from(topic)
  return Buffer.concat([NO_TAGS, varint(1 + 1), NO_ID, varint(name.length + 1), name, NO_TAGS, Buffer.of(0, 0), NO_TAGS])
}

/** Correlation id and tags; throttle; brokers; cluster; controller; then of the one topic: error, name, id. */
export function parseTopicId(answer: Buffer): string {
  const read = new FlexibleReader(answer, 4)
  read.tags()
  read.skip(4)
  for (let brokers = read.varint() - 1; brokers > 0; brokers--) {
    read.skip(4)
    read.text()
    read.skip(4)
    read.text()
    read.tags()
  }
  read.text()
  read.skip(4)
  if (read.varint() - 1 !== 1) throw new Error('the answer is not about one topic')
  const error = read.int16()
  if (error !== 0) throw new Error(`the broker answered with error ${error}`)
  read.text()
  return read.bytes(16).toString('hex')
}

/** Unsigned, seven bits a byte, lowest first. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128)
  return Buffer.from([...bytes, value])
}

/** Flexible versions (KIP-482): lengths are one more than they say, 0 is null. Buffer's own bounds checks stop a bad length. */
class FlexibleReader {
  readonly #answer: Buffer
  #at: number

  constructor(answer: Buffer, at: number) {
    this.#answer = answer
    this.#at = at
  }

  skip(bytes: number): void {
    this.#at += bytes
  }

  int16(): number {
    const value = this.#answer.readInt16BE(this.#at)
    this.#at += 2
    return value
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#answer.readUInt8(this.#at++)
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
    throw new Error('a length of more than four bytes')
  }

  text(): void {
    this.skip(Math.max(0, this.varint() - 1))
  }

  bytes(length: number): Buffer {
    const bytes = this.#answer.subarray(this.#at, this.#at + length)
    if (bytes.length < length) throw new Error('the answer ends early')
    this.#at += length
    return bytes
  }

  tags(): void {
    for (let tags = this.varint(); tags > 0; tags--) {
      this.varint()
      this.skip(this.varint())
    }
  }
}
