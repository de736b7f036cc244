/** A sink of numbers in a world of its own: log, clock, tables, and as many members as a test starts. */
import type { Clock } from '#runtime/clock.ts'
import { defineService } from '#runtime/define/service.ts'
import { defineSink, type CommitPolicy, type Sink } from '#runtime/define/sink.ts'
import { defineTopic } from '#runtime/define/topic.ts'
import { Reject } from '#runtime/errors.ts'
import { createLog } from '#runtime/log.ts'
import { deadLetterRecord, deadLetterTopic } from '#runtime/loop/dead-letter.ts'
import type { Failure, OutgoingRecord, PartitionId, SourceRecord } from '#runtime/loop/ports.ts'
import { SinkLoop } from '#runtime/loop/sink-loop.ts'
import { emptyStats } from '#runtime/loop/stage-stats.ts'
import { MemoryLog, MemoryOutbox, MemorySource } from '#runtime/memory/memory-log.ts'
import { MemorySinkStore, MemoryTables } from '#runtime/memory/memory-sink-store.ts'
import { settle, VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { passTraceOn } from '#runtime/telemetry/tracing.ts'

export interface Row { n: number; offset: number; partition: number; traceId: string | null }

export const numberMade = defineTopic<{ n: number }>({ name: 'number.made', schema: {}, keyOf: ({ n }) => String(n), partitions: 2 })
const numberStored = defineTopic<{ n: number }>({ name: 'number.stored', schema: {}, keyOf: ({ n }) => String(n), partitions: 1 })
const numberFailed = defineTopic<{ code: string }>({ name: 'number.failed', schema: {}, keyOf: ({ code }) => code, partitions: 1 })

export const P0: PartitionId = { topic: 'number.made', partition: 0 }
export const P1: PartitionId = { topic: 'number.made', partition: 1 }
export const DEAD: PartitionId = { topic: 'count.dead', partition: 0 }

const sink: Sink<{ n: number }, Row> = defineSink<{ n: number }, Row>({
  name: 'keep', version: 1, reads: numberMade, recordsDeadLetters: true, writes: [numberStored, numberFailed],
  store: defineService({ name: 'unused', open: () => new MemorySinkStore<Row>(new MemoryTables()) }),
  commit: {
    latency: { minRows: 1, maxRows: 4, maxBytes: 1_000_000, maxAgeMs: 250, lullMs: 10 },
    raid5: { minRows: 500, maxRows: 1_000, maxBytes: 1_000_000, maxAgeMs: 60_000, lullMs: 1_000 },
  },
  toRow({ n }, { offset, partition, traceId }) {
    if (n === 13) throw new Reject('keep.unlucky', 'Thirteen is never kept.')
    if (n === 666) throw new TypeError('a defect')
    return { n, offset, partition, traceId: traceId?.toString('hex') ?? null }
  },
  sizeOf: () => 100,
  announceRow: ({ n }) => numberStored({ n }),
  announceFailure: ({ code }) => numberFailed({ code }),
})

export interface Member {
  loop: SinkLoop
  source: MemorySource
  outbox: MemoryOutbox
  store: MemorySinkStore<Row>
}

export class SinkWorld {
  readonly log = new MemoryLog()
  readonly clock = new VirtualClock()
  readonly tables = new MemoryTables<Row>()
  /** Set by members since the beginning. */
  timers = 0
  readonly #policy: CommitPolicy
  /** Records like `later 5` are decoded when this resolves. */
  readonly registryAnswers = Promise.withResolvers<void>()

  constructor(policy: Partial<CommitPolicy> = {}) {
    this.#policy = { ...sink.commit.latency, ...policy }
  }

  /** A process with the sink; `assign` its partitions. */
  async member(): Promise<Member> {
    const source = new MemorySource(this.log, 'keep')
    const outbox = new MemoryOutbox(this.log)
    const store = new MemorySinkStore(this.tables)
    const loop = new SinkLoop<{ n: number }, Row>({
      sink, source, outbox, store, policy: this.#policy, clock: tellingTimers(this.clock, () => (this.timers += 1)), log: createLog('test', 'silent'), stats: emptyStats(), tracing: passTraceOn,
      decode: (record) => (record.value!.toString().startsWith('later') ? this.registryAnswers.promise.then(() => ({ n: Number(record.value!.toString().slice(6)) })) : decodeNumber(record)),
      encode: ({ topic, key, value }, input) => ({
        topic: topic.name, partition: 0, key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)), headers: {}, timestampMs: input.timestampMs,
      }),
    })
    await loop.start()
    return { loop, source, outbox, store }
  }

  /** A member that owns these partitions. */
  async started(...partitions: PartitionId[]): Promise<Member> {
    const member = await this.member()
    await member.source.assign(partitions)
    return member
  }

  append(id: PartitionId, ...values: (number | string)[]): void {
    for (const value of values) this.log.append(recordOf(id, value))
  }

  /** What the stage `count` gave up. */
  appendDead(offset: number, reason: string): void {
    const original: SourceRecord = { topic: 'thing.made', partition: 5, offset, key: Buffer.from('k'), value: Buffer.from('original'), headers: new Map(), timestampMs: 42, size: 9 }
    this.log.append(deadLetterRecord(original, { stage: 'count', code: 'count.odd', reason, attempts: 3, firstFailedAtMs: 41 }, 0))
  }

  /** Time enough for the age of a batch and for short back-offs. */
  pass(ms = 300): Promise<void> {
    return this.clock.advance(ms)
  }

  stored(): number[] {
    return this.tables.rows.map(({ n }) => n)
  }

  announced(): number[] {
    return this.log.read('number.stored').map(({ value }) => (JSON.parse(value!.toString()) as { n: number }).n)
  }

  announcedFailures(): string[] {
    return this.log.read('number.failed').map(({ value }) => (JSON.parse(value!.toString()) as { code: string }).code)
  }

  letters(): SourceRecord[] {
    return this.log.read(deadLetterTopic('keep'))
  }

  committed(id: PartitionId): number | undefined {
    return this.log.committed('keep', id)
  }
}

export { settle }

export function refusal({ n, partition, offset }: Row): Failure {
  return {
    stage: 'keep', code: 'keep.refused-row', reason: `${n} is refused`, key: String(n), topic: 'number.made', partition, offset, attempts: 1, eventTimeMs: 0, traceId: null, value: null,
  }
}

function recordOf(id: PartitionId, value: number | string): OutgoingRecord {
  const text = typeof value === 'number' ? JSON.stringify({ n: value }) : value
  return { ...id, key: Buffer.from(String(value)), value: Buffer.from(text), headers: { traceparent: TRACEPARENT }, timestampMs: 1_700_000_000_000 }
}

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

function decodeNumber({ value }: SourceRecord): { n: number } {
  try {
    return JSON.parse(value!.toString()) as { n: number }
  } catch (error) {
    throw new Reject('record.undecodable', 'no JSON', { cause: error })
  }
}

/** The same time; `told` hears of each timer that is set. */
export function tellingTimers(clock: VirtualClock, told: (ms: number) => void): Clock {
  return {
    now: () => clock.now(), monotonicMs: () => clock.monotonicMs(), random: () => clock.random(),
    sleep: (ms, signal) => clock.sleep(ms, signal), every: (ms, run) => clock.every(ms, run),
    after(ms, run) {
      told(ms)
      return clock.after(ms, run)
    },
  }
}
