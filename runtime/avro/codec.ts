/**
 * Values to bytes and back. Types and resolvers are made once: per topic for writing, per (writer's schema, topic)
 * for reading. A value whose writer's schema is known decodes without waiting.
 */
import { LRUCache } from 'lru-cache'
import type { Topic } from '../define/topic.ts'
import { Halt, Reject, reasonOf } from '../errors.ts'
import { avro, type Type } from './bounded-avsc.ts'
import { compileReader, type CompiledReader, type ReaderOptions } from './compiled-reader.ts'
import { compileWriter, type CompiledWriter } from './compiled-writer.ts'
import type { Registry } from './registry.ts'
import { frame, HEADER_BYTES, schemaIdOf, writeHeader } from './wire.ts'

export interface Codec {
  /** @throws Reject with a `record.` code; RetryLater `registry.unreachable` */
  decode<V>(topic: Topic<V>, value: Buffer | null): V | Promise<V>
  /** @throws Reject `record.invalid-output` */
  encode<V>(topic: Topic<V>, value: V): Buffer
}

/** Ids that the registry did not know are not asked about again for this long, so that bad records cannot flood it. */
const UNKNOWN_FOR_MS = 60_000

/**
 * A codec for these topics. With `slices` the bytes in a decoded value are slices of the record's, for those who keep
 * the record as long as the value anyway.
 * @throws Halt `registry.not-registered` when a schema is missing from the registry
 */
export async function openCodec(registry: Registry, topics: Iterable<Topic>, options: ReaderOptions = { slices: false }): Promise<Codec> {
  const opened = new Map<string, OpenTopic>()
  for (const topic of topics) opened.set(topic.name, await openTopic(registry, topic, options))
  return new RegistryCodec(registry, opened)
}

interface OpenTopic {
  type: Type
  schemaId: number
  /** Writes into the scratch. */
  write: CompiledWriter
  /** By the writer's schema id. */
  readers: Map<number, CompiledReader>
}

async function openTopic(registry: Registry, topic: Topic, options: ReaderOptions): Promise<OpenTopic> {
  const schemaId = await registry.idOf(subjectOf(topic), topic.schema)
  if (schemaId === undefined) {
    throw new Halt('registry.not-registered', `The schema of ${topic.name} is not in the registry.`, 'Run `sluice topics apply`.')
  }
  const type = avro.Type.forSchema(topic.schema as never)
  const reader = compileReader(type, options) ?? ((value, from) => type.fromBuffer(value.subarray(from)))
  const write = compileWriter(type, scratch) ?? writerByAvsc(type)
  return { type, schemaId, write, readers: new Map([[schemaId, reader]]) }
}

/** Registry subject of a topic's values. */
export function subjectOf(topic: Pick<Topic, 'name'>): string {
  return `${topic.name}-value`
}

class RegistryCodec implements Codec {
  readonly #registry: Registry
  readonly #topics: Map<string, OpenTopic>
  readonly #opening = new Map<string, Promise<CompiledReader>>()
  readonly #unknown = new LRUCache<number, Reject>({ max: 10_000, ttl: UNKNOWN_FOR_MS })

  constructor(registry: Registry, topics: Map<string, OpenTopic>) {
    this.#registry = registry
    this.#topics = topics
  }

  encode<V>(topic: Topic<V>, value: V): Buffer {
    const opened = this.#openedOf(topic)
    try {
      return framed(opened, value)
    } catch (error) {
      throw new Reject('record.invalid-output', `${topic.name} does not take this value: ${reasonOf(error)}`, { cause: error })
    }
  }

  decode<V>(topic: Topic<V>, value: Buffer | null): V | Promise<V> {
    if (value === null) throw new Reject('record.no-value', 'The record has no value.')
    const schemaId = schemaIdOf(value)
    const reader = this.#openedOf(topic).readers.get(schemaId)
    if (reader) return read(reader, value) as V
    return this.#open(topic, schemaId).then((opened) => read(opened, value) as V)
  }

  #openedOf(topic: Topic): OpenTopic {
    const opened = this.#topics.get(topic.name)
    if (!opened) throw new Error(`codec: ${topic.name} was not opened [C1]`)
    return opened
  }

  /** Single flight: a burst of records with a new schema asks once. A failure is not kept, except that an id is unknown. */
  #open(topic: Topic, schemaId: number): Promise<CompiledReader> {
    const key = `${schemaId} ${topic.name}`
    const opening = this.#opening.get(key) ?? this.#resolve(topic, schemaId).finally(() => this.#opening.delete(key))
    this.#opening.set(key, opening)
    return opening
  }

  async #resolve(topic: Topic, schemaId: number): Promise<CompiledReader> {
    const known = this.#unknown.get(schemaId)
    if (known) throw known
    const writerSchema = await this.#registry.schemaOf(schemaId).catch((error: unknown) => {
      if (error instanceof Reject) this.#unknown.set(schemaId, error)
      throw error
    })
    const { type, readers } = this.#openedOf(topic)
    const reader = resolvingReader(type, writerSchema, topic.name, schemaId)
    readers.set(schemaId, reader)
    return reader
  }
}

/** Values are written here first, since their size is known afterwards only. Nothing is kept in it between calls. */
const scratch = Buffer.allocUnsafeSlow(64 << 10)

/** The largest values are rare, and would make the scratch stay large. */
function framed({ schemaId, type, write }: OpenTopic, value: unknown): Buffer {
  const end = write(value, HEADER_BYTES)
  if (end > scratch.length) return frame(schemaId, type.toBuffer(value))
  writeHeader(scratch, schemaId)
  return Buffer.from(scratch.subarray(0, end))
}

/** avsc answers with less than zero when the value does not fit. */
function writerByAvsc(type: Type): CompiledWriter {
  return (value, from) => {
    const end = type.encode(value, scratch, from)
    return end < 0 ? Infinity : end
  }
}

function resolvingReader(type: Type, writerSchema: object, topic: string, schemaId: number): CompiledReader {
  try {
    const resolver = type.createResolver(avro.Type.forSchema(writerSchema as never))
    return (value, from) => type.fromBuffer(value.subarray(from), resolver)
  } catch (error) {
    throw new Reject('record.incompatible-schema', `${topic} cannot read schema ${schemaId}: ${reasonOf(error)}`, { cause: error })
  }
}

function read(reader: CompiledReader, value: Buffer): unknown {
  try {
    return reader(value, HEADER_BYTES)
  } catch (error) {
    throw new Reject('record.undecodable', `The value does not match its schema: ${reasonOf(error)}`, { cause: error })
  }
}
