/** Fills topics as the stages before the sink would: Avro, keyed, with headers, zstd, acknowledged by all. */
import { setImmediate as endOfTurn } from 'node:timers/promises'
import type { Topic } from '#runtime/api.ts'
import { openCodec } from '#runtime/avro/codec.ts'
import { connectRegistry } from '#runtime/avro/registry.ts'
import { systemClock } from '#runtime/clock.ts'
import type { KafkaConnection } from '#runtime/kafka/client.ts'
import { KafkaOutbox } from '#runtime/kafka/outbox.ts'
import { createLog } from '#runtime/log.ts'
import { encodeRecord } from '#runtime/loop/record-encoder.ts'
import type { OutgoingRecord } from '#runtime/loop/ports.ts'
import { assetClustered } from '#topics'
import { assetOf, STARTED_MS } from './assets.ts'

export interface World { connection: KafkaConnection; registryUrl: string }

export interface Filling {
  topic: Topic
  valueOf(n: number): unknown
  /** Values number `from` (0 when absent) to before `from + count`. */
  count: number
  from?: number
}

/** Records that are encoded at once; a partition then gets about one batch of the broker's in a request. */
const SLICE = 2_000

/** One producer is at work while the next records are encoded. */
const AHEAD = 2

/** Writes assets into `asset.clustered`, which exists with its schema. */
export function fillAssets(world: World, { count, from = 0 }: { count: number; from?: number }): Promise<void> {
  return fill(world, { topic: assetClustered, valueOf: assetOf, count, from })
}

/** Event times are a millisecond apart. Resolves when all are acknowledged. */
export async function fill({ connection, registryUrl }: World, { topic, valueOf, count, from = 0 }: Filling): Promise<void> {
  const codec = await openCodec(connectRegistry(registryUrl), [topic])
  const outbox = new KafkaOutbox(connection.kafka, systemClock, createLog('bench', 'error'))
  const recordOf = (n: number): OutgoingRecord => encodeRecord(codec, topic(valueOf(n)), STARTED_MS + n, headersOf(n))
  const sending: Promise<void>[] = []
  for (let at = from; at < from + count; at += SLICE) {
    const length = Math.min(SLICE, from + count - at)
    if (sending.length >= AHEAD) await sending.shift()
    sending.push(outbox.send(Array.from({ length }, (_, index) => recordOf(at + index))))
    await endOfTurn()
  }
  await Promise.all(sending)
  await outbox.close()
}

/** Of the length that the stages write. */
function headersOf(n: number): Record<string, string> {
  const digits = n.toString(16).padStart(16, '0')
  return { 'event-id': `b${digits.slice(1)}${digits}`, traceparent: `00-${traceIdOf(n).replaceAll('-', '')}-c${digits.slice(1)}-00` }
}

/** The trace of value number `n`, as Postgres writes 16 bytes. */
export function traceIdOf(n: number): string {
  return `a0000000-0000-0000-0000-${n.toString(16).padStart(12, '0')}`
}
