/** The records that the runtime's measurements move: Avro, an id and text that hardly compresses. */
import { randomBytes } from 'node:crypto'
import { openCodec } from '#runtime/avro/codec.ts'
import { connectRegistry } from '#runtime/avro/registry.ts'
import { systemClock } from '#runtime/clock.ts'
import { defineTopic, type Topic } from '#runtime/api.ts'
import type { KafkaConnection } from '#runtime/kafka/client.ts'
import { KafkaOutbox } from '#runtime/kafka/outbox.ts'
import { createLog } from '#runtime/log.ts'
import type { OutgoingRecord } from '#runtime/loop/ports.ts'
import { encodeRecord } from '#runtime/loop/record-encoder.ts'

export interface Parcel { id: string; text: string }

/** With key, id, headers and framing such a record has about 1,000 bytes of key and value. */
export const TEXT_BYTES = 920

/** Event time of the first record; the broker deletes what is older than a week. */
const STARTED_MS = Date.now()

/** Records that are handed to the outbox at once. */
const SLICE = 5_000

export function parcelTopic(name: string, partitions = 6, cleanup: 'delete' | 'compact' = 'delete'): Topic<Parcel> {
  return defineTopic<Parcel>({
    name, partitions, cleanup, keyOf: ({ id }) => id,
    schema: { type: 'record', name: 'Parcel', namespace: 'bench', fields: [{ name: 'id', type: 'string' }, { name: 'text', type: 'string' }] },
  })
}

/** The id of record number `n`; `numberOf` is its inverse. */
export function idOf(n: number): string {
  return `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
}

export function numberOf(id: string): number {
  return parseInt(id.slice(-12), 16)
}

/** Longer than what zstd looks back at level 1, so that one text is no help with the next. */
const pool = randomBytes(12 << 20).toString('base64')

/** Text of record `n`: base64 of random bytes, of which three quarters are left after compression. */
export function textOf(n: number, bytes = TEXT_BYTES): string {
  const start = (n * bytes) % (pool.length - bytes)
  return pool.slice(start, start + bytes)
}

interface World { connection: KafkaConnection; registryUrl: string }

/** Creates topics, and registers their schemas. */
export async function createTopics({ connection: { admin }, registryUrl }: World, topics: Topic[]): Promise<void> {
  await admin.createTopics({
    topics: topics.map(({ name, partitions, cleanup }) => ({
      topic: name, numPartitions: partitions, replicationFactor: 1,
      configEntries: [{ name: 'cleanup.policy', value: cleanup }, { name: 'compression.type', value: 'producer' }, { name: 'segment.bytes', value: String(256 << 20) }],
    })),
  })
  const registry = connectRegistry(registryUrl)
  for (const { name, schema } of topics) await registry.register(`${name}-value`, schema)
}

export interface Filling {
  topic: Topic<Parcel>
  count: number
  parcel?: (n: number) => Parcel
  /** As the client writes them when absent. */
  headers?: (n: number) => Record<string, string>
}

/** Writes `count` records as sluice's own client and stages would: keyed, with headers, zstd, acknowledged by all. */
export async function fill({ connection, registryUrl }: World, { topic, count, parcel = plain, headers = traced }: Filling): Promise<void> {
  const codec = await openCodec(connectRegistry(registryUrl), [topic])
  const outbox = new KafkaOutbox(connection.kafka, systemClock, createLog('bench', 'error'))
  const record = (n: number): OutgoingRecord => encodeRecord(codec, topic(parcel(n)), STARTED_MS + n, headers(n))
  for (let from = 0; from < count; from += SLICE) {
    const length = Math.min(SLICE, count - from)
    await Promise.all(Array.from({ length }, (_, index) => outbox.send([record(from + index)])))
  }
  await outbox.close()
}

const plain = (n: number): Parcel => ({ id: idOf(n), text: textOf(n) })

function traced(n: number): Record<string, string> {
  const digits = n.toString(16).padStart(16, '0')
  return { 'event-id': `b${digits.slice(1)}${digits}`, traceparent: `00-a${digits.slice(1)}${digits}-c${digits.slice(1)}-00` }
}
