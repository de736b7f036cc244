/** The pipeline that is simulated: made → check (stateless) → checked → first (stateful) → judged → keep (sink) → kept, failed. */
import { defineProcessor, defineStateful, type Processor, type StatefulProcessor } from '#runtime/define/processor.ts'
import { defineService } from '#runtime/define/service.ts'
import { defineSink, type CommitPolicy, type Sink } from '#runtime/define/sink.ts'
import { defineTopic, type Topic } from '#runtime/define/topic.ts'
import { Reject } from '#runtime/errors.ts'
import type { SinkStore } from '#runtime/loop/ports.ts'

/** Weights of events that the database refuses, and that `keep` rejects. */
export const REFUSED = -1
export const UNWANTED = -2

/** `spoiled` is rejected by `check`, `throws` makes it fail on every attempt. */
export interface Made { id: string; key: string; family: string; seq: number; kind: 'plain' | 'spoiled' | 'throws'; weight: number }
export interface Checked extends Made { digest: string }
export interface Judged extends Checked { verdict: 'original' | 'copy'; of: string | null }
export interface Remembered { id: string; family: string; of: string | null }
export interface Kept { id: string; verdict: string; of: string | null }
export interface Failed { stage: string; key: string | null; code: string; topic: string; partition: number; offset: number }
export interface KeptRow extends Judged { topic: string; partition: number; offset: number; eventTimeMs: number }

/** Refuses an id's first attempts, takes its time, and once in a while never answers. */
export interface Checker {
  check(id: string, signal: AbortSignal): Promise<void>
}

/** Answers of `first`, by event id. */
export class Families {
  readonly byId = new Map<string, Remembered>()
  readonly originals = new Map<string, string>()
  readonly #repeated: (id: string) => void

  /** Each entry of the changelog comes once; `repeated` is told of those that do not. */
  constructor(repeated: (id: string) => void) {
    this.#repeated = repeated
  }

  apply(entry: Remembered): void {
    if (this.byId.has(entry.id)) this.#repeated(entry.id)
    this.byId.set(entry.id, entry)
    if (entry.of === null) this.originals.set(entry.family, entry.id)
  }
}

export interface Partitions { made: number; checked: number; judged: number }

export interface Pipeline {
  topics: { made: Topic<Made>; checked: Topic<Checked>; judged: Topic<Judged>; remembered: Topic<Remembered>; kept: Topic<Kept>; failed: Topic<Failed> }
  check: Processor<Made, any>
  first: StatefulProcessor<Checked, Remembered, Families>
  keep: Sink<Judged, KeptRow>
}

export function digestOf({ id, weight }: Made): string {
  return `${id}:${weight * 7}`
}

export function definePipeline(partitions: Partitions, commit: CommitPolicy, repeated: (id: string) => void): Pipeline {
  const topic = <V>(name: string, count: number, keyOf: (value: V) => string, cleanup: 'delete' | 'compact' = 'delete') => defineTopic<V>({ name, schema: {}, partitions: count, keyOf, cleanup })
  const topics: Pipeline['topics'] = {
    made: topic<Made>('event.made', partitions.made, ({ key }) => key),
    checked: topic<Checked>('event.checked', partitions.checked, ({ family }) => family),
    judged: topic<Judged>('event.judged', partitions.judged, ({ family }) => family),
    remembered: topic<Remembered>('event.remembered', partitions.checked, ({ id }) => id, 'compact'),
    kept: topic<Kept>('event.kept', 1, ({ id }) => id),
    failed: topic<Failed>('event.failed', 1, ({ key }) => key ?? 'none'),
  }
  return { topics, check: defineCheck(topics), first: defineFirst(topics, repeated), keep: defineKeep(topics, commit) }
}

function defineCheck({ made, checked }: Pipeline['topics']): Pipeline['check'] {
  return defineProcessor({
    name: 'check', version: 1, reads: made, writes: [checked], uses: { checker: defineService<Checker>({ name: 'checker', open: () => { throw new Error('each process brings its own') } }) },
    concurrency: { inFlightPerPartition: 4, order: 'per-key' },
    // More than all injected failures of one record together.
    retry: { attempts: 16, firstDelayMs: 50, maxDelayMs: 400 }, deadlineMs: 3_000,
    async handle(event: Made, { checker, signal }) {
      if (event.kind === 'spoiled') throw new Reject('check.spoiled', 'The event is spoiled.')
      if (event.kind === 'throws') throw new TypeError('a defect')
      await checker.check(event.id, signal)
      return [checked({ ...event, digest: digestOf(event) })]
    },
  })
}

function defineFirst({ checked, judged, remembered }: Pipeline['topics'], repeated: (id: string) => void): Pipeline['first'] {
  return defineStateful({
    name: 'first', version: 1, reads: checked, writes: [judged], state: { changelog: remembered, open: () => new Families(repeated) },
    batch: { maxRecords: 8, maxWaitMs: 20 },
    decide(event, state) {
      const known = state.byId.get(event.id)
      const of = known ? known.of : state.originals.get(event.family) ?? null
      return {
        write: [judged({ ...event, verdict: of === null ? 'original' : 'copy', of })],
        remember: known ? [] : [{ id: event.id, family: event.family, of }],
      }
    },
  })
}

function defineKeep({ judged, kept, failed }: Pipeline['topics'], commit: CommitPolicy): Pipeline['keep'] {
  return defineSink<Judged, KeptRow>({
    name: 'keep', version: 1, reads: judged, recordsDeadLetters: true, writes: [kept, failed],
    store: defineService<SinkStore<KeptRow>>({ name: 'store', open: () => { throw new Error('each process brings its own') } }),
    commit: { latency: commit, raid5: commit },
    toRow(value, { topic, partition, offset, eventTimeMs }) {
      if (value.weight === UNWANTED) throw new Reject('keep.unwanted', 'The event is not wanted.')
      return { ...value, topic, partition, offset, eventTimeMs }
    },
    sizeOf: () => 200,
    announceRow: ({ id, verdict, of }) => kept({ id, verdict, of }),
    announceFailure: ({ stage, key, code, topic, partition, offset }) => failed({ stage, key, code, topic, partition, offset }),
  })
}
