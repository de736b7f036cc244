/**
 * How long a record takes through a stage: from the acknowledgement of the record to the arrival of what the stage made
 * of it at a reader of its output. One process writes at a steady rate and reads back, so it is one clock that tells both
 * times. The reader's own fetch is part of it.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { openCodec } from '#runtime/avro/codec.ts'
import { connectRegistry } from '#runtime/avro/registry.ts'
import { systemClock } from '#runtime/clock.ts'
import { KafkaOutbox } from '#runtime/kafka/outbox.ts'
import { KafkaSource } from '#runtime/kafka/source.ts'
import { createLog } from '#runtime/log.ts'
import { encodeRecord } from '#runtime/loop/record-encoder.ts'
import { eventually } from '#test/support/eventually.ts'
import { percentile } from '../percentile.ts'
import type { Metric } from '../result.ts'
import { startStage } from './child.ts'
import type { Ground } from './ground.ts'
import { createTopics, idOf, parcelTopic, textOf } from './parcels.ts'

const PER_SECOND = 500
const SECONDS = 20
/** Compiles the code of both processes; not counted. */
const WARM_UP_SECONDS = 3
const TICK_MS = 2

const log = createLog('bench', 'error')

export async function measureHop(ground: Ground): Promise<{ verified: boolean; metrics: Metric[] }> {
  const sent = parcelTopic('parcel.posted')
  const passed = parcelTopic('parcel.passed')
  await createTopics(ground, [sent, passed])
  const child = startStage({ kind: 'stateless', brokers: ground.brokers, registryUrl: ground.registryUrl, app: 'hop', reads: sent.name, writes: passed.name, partitions: 6 })
  const arrivals = await watch(ground, passed.name)
  const codec = await openCodec(connectRegistry(ground.registryUrl), [sent])
  const outbox = new KafkaOutbox(ground.connection.kafka, systemClock, log)
  const acknowledgedAt = new Map<string, number>()
  const write = (n: number): void => {
    void outbox.send([encodeRecord(codec, sent({ id: idOf(n), text: textOf(n) }), Date.now(), {})]).then(() => acknowledgedAt.set(idOf(n), performance.now()))
  }
  const total = PER_SECOND * (WARM_UP_SECONDS + SECONDS)
  try {
    write(0)
    await eventually(() => assertSeen(arrivals.at, 1))
    const cpuBefore = child.cpuSeconds()
    await writeSteadily(write, 1, total)
    await eventually(() => assertSeen(arrivals.at, total + 1))
    const cpuSeconds = child.cpuSeconds() - cpuBefore
    return { verified: arrivals.at.size === total + 1 && !arrivals.repeated(), metrics: metricsOf(acknowledgedAt, arrivals.at, cpuSeconds / total) }
  } finally {
    await Promise.all([arrivals.stop(), outbox.close(), child.stop()])
    await ground.connection.admin.deleteTopics({ topics: [sent.name, passed.name] })
  }
}

interface Watch { at: Map<string, number>; repeated(): boolean; stop(): Promise<void> }

/** Notes when the record of each key arrives. */
async function watch({ connection }: Ground, topic: string): Promise<Watch> {
  const at = new Map<string, number>()
  let seen = 0
  const source = new KafkaSource(connection, { groupId: `watch.${topic}`, topics: [topic] }, log)
  await source.start({
    assigned: async () => [],
    revoked: () => {},
    failed: (error) => { throw error },
    records(_, records) {
      const nowMs = performance.now()
      for (const { key } of records) at.set(key!.toString('latin1'), nowMs)
      seen += records.length
    },
  })
  return { at, repeated: () => seen !== at.size, stop: () => source.stop() }
}

/** As many as are due by the clock, so that a late timer does not lower the rate. */
async function writeSteadily(write: (n: number) => void, from: number, count: number): Promise<void> {
  const startedMs = performance.now()
  for (let n = 0; n < count;) {
    const due = Math.min(count, Math.floor((performance.now() - startedMs) / 1000 * PER_SECOND))
    for (; n < due; n++) write(from + n)
    await wait(TICK_MS)
  }
}

function assertSeen(at: Map<string, number>, count: number): void {
  if (at.size < count) throw new Error(`only ${at.size} of ${count} records came through`)
}

function metricsOf(from: Map<string, number>, to: Map<string, number>, cpuSeconds: number): Metric[] {
  const delays: number[] = []
  for (let n = PER_SECOND * WARM_UP_SECONDS + 1; n < to.size; n++) delays.push(to.get(idOf(n))! - from.get(idOf(n))!)
  const [p50, p95] = [percentile(delays, 0.5), percentile(delays, 0.95)]
  return [
    { name: 'hop_p50_ms', value: p50, unit: 'ms', target: '≤ 5', met: p50 <= 5 },
    { name: 'hop_p95_ms', value: p95, unit: 'ms', target: '≤ 15', met: p95 <= 15 },
    { name: 'hop_cpu_us_per_record', value: cpuSeconds * 1e6, unit: 'µs' },
  ]
}
