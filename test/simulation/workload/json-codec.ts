/**
 * Values as JSON in the frame of the wire format. The ids of plain schemas are known from the start; those of evolved
 * ones have to be asked for, and the registry may be away.
 */
import type { Codec } from '#runtime/avro/codec.ts'
import { frame, HEADER_BYTES, schemaIdOf as schemaIdIn } from '#runtime/avro/wire.ts'
import type { Topic } from '#runtime/define/topic.ts'
import { Reject, RetryLater, reasonOf } from '#runtime/errors.ts'

/** Ids from here on are evolved schemas, and from the second on unknown ones. */
export const EVOLVED = 1_000
export const UNKNOWN = 5_000

export function schemaIdOf(topics: Topic[], topic: Topic, evolved: boolean): number {
  return topics.indexOf(topic) + 1 + (evolved ? EVOLVED : 0)
}

export class JsonCodec implements Codec {
  readonly #topics: Topic[]
  readonly #evolved: boolean
  readonly #lookUp: (id: number) => Promise<void>
  readonly #known = new Set<number>()

  /** `lookUp` asks the registry for a schema. */
  constructor(topics: Topic[], evolved: boolean, lookUp: (id: number) => Promise<void>) {
    this.#topics = topics
    this.#evolved = evolved
    this.#lookUp = lookUp
  }

  encode<V>(topic: Topic<V>, value: V): Buffer {
    return frame(schemaIdOf(this.#topics, topic, this.#evolved), Buffer.from(JSON.stringify(value)))
  }

  decode<V>(_topic: Topic<V>, value: Buffer | null): V | Promise<V> {
    if (value === null) throw new Reject('record.no-value', 'The record has no value.')
    const schemaId = schemaIdIn(value)
    const body = value.subarray(HEADER_BYTES)
    if (schemaId < EVOLVED || this.#known.has(schemaId)) return parse<V>(body)
    return this.#learn(schemaId).then(() => parse<V>(body))
  }

  async #learn(id: number): Promise<void> {
    try {
      await this.#lookUp(id)
    } catch (error) {
      throw new RetryLater('registry.unreachable', reasonOf(error), { cause: error })
    }
    if (id >= UNKNOWN) throw new Reject('record.unknown-schema', `The registry has no schema ${id}.`)
    this.#known.add(id)
  }
}

function parse<V>(body: Buffer): V {
  try {
    return JSON.parse(body.toString('utf8')) as V
  } catch (error) {
    throw new Reject('record.undecodable', reasonOf(error), { cause: error })
  }
}
