/**
 * A pipeline of one stage of each kind, cheap enough for thousands of records a second on one core:
 *
 *   event.made ─▶ check ─▶ event.checked ─▶ first ─▶ event.judged ─▶ keep ─▶ Postgres, event.kept, event.failed
 *
 * check   stateless: asks a service that fails some records' first attempts; rejects what is spoiled
 * first   stateful: the first event of a family is its original, later ones are copies of it
 * keep    sink: one row per event; the database refuses those of negative weight
 */
import { createHash } from 'node:crypto'
import { defineProcessor, defineService, defineSink, defineStateful, jsonPart, Reject, RetryLater, type Failure, type SnapshotParts, type State } from '#runtime/api.ts'
import { defineTopology, type Topology } from '#runtime/define/topology.ts'
import { keptStore, type KeptRow } from './kept-store.ts'
import { topicsOf, type CheckedEvent, type FailedEvent, type MadeEvent, type Remembered, type WorkloadTopics } from './topics.ts'

export const STAGES = ['check', 'first', 'keep'] as const
export type StageName = (typeof STAGES)[number]

export interface Workload { topology: Topology; topics: WorkloadTopics; stages: Record<StageName, string> }

/** `version` is that of `check` and of its output's schema. */
export function workload(prefix: string, version: 1 | 2 = 1): Workload {
  const topics = topicsOf(prefix, version)
  const stages = { check: `${prefix}-check`, first: `${prefix}-first`, keep: `${prefix}-keep` }
  const topology = defineTopology({
    enters: [topics.made],
    stages: [check(stages.check, topics, version), first(stages.first, topics), keep(stages.keep, topics)],
    leaves: [topics.kept, topics.failed],
  })
  return { topology, topics, stages }
}

// check

/** Every tenth event fails once, every fiftieth twice; by the bytes of its id, so in every process alike. */
function failuresFor(id: string): number {
  const number = createHash('sha256').update(id).digest().readUInt16BE(0)
  if (number % 50 === 0) return 2
  return number % 10 === 0 ? 1 : 0
}

/** Forgets what it has answered above this. */
const MAX_REMEMBERED = 10_000

const moody = defineService({
  name: 'moody',
  open() {
    const failed = new Map<string, number>()
    return {
      /** The digest of a payload. @throws RetryLater `check.moody` at some events' first attempts */
      digest({ id, payload }: MadeEvent): string {
        const failures = failed.get(id) ?? 0
        if (failures < failuresFor(id)) {
          if (failed.size > MAX_REMEMBERED) failed.clear()
          failed.set(id, failures + 1)
          throw new RetryLater('check.moody', 'The service is not in the mood.')
        }
        return createHash('sha256').update(payload).digest('hex')
      },
    }
  },
})

function check(name: string, topics: WorkloadTopics, version: 1 | 2) {
  return defineProcessor({
    name, version, reads: topics.made, writes: [topics.checked], uses: { moody },
    concurrency: { inFlightPerPartition: 8, order: 'per-key' },
    retry: { attempts: 8, firstDelayMs: 20, maxDelayMs: 1_000 },
    deadlineMs: 20_000,
    handle(event, { moody }) {
      if (event.kind === 'spoiled') throw new Reject('check.spoiled', 'The event is spoiled.')
      if (event.kind === 'throws') throw new TypeError('the handler fell over this event')
      const checked: CheckedEvent = { ...event, digest: moody.digest(event) }
      return [topics.checked(version === 2 ? { ...checked, remark: 'second' } : checked)]
    },
  })
}

// first

/** Who was first in each family, and what was answered for each event. */
class Firsts implements State<Remembered> {
  readonly #firstOf = new Map<string, string>()
  readonly #answers = new Map<string, string | null>()

  apply({ id, family, of }: Remembered): void {
    this.#answers.set(id, of)
    if (of === null) this.#firstOf.set(family, id)
  }

  parts(): Uint8Array[] {
    return [jsonPart([...this.#firstOf]), jsonPart([...this.#answers])]
  }

  static async restore(parts: SnapshotParts): Promise<Firsts> {
    const state = new Firsts()
    for (const [family, id] of (await parts.json()) as [string, string][]) state.#firstOf.set(family, id)
    for (const [id, of] of (await parts.json()) as [string, string | null][]) state.#answers.set(id, of)
    return state
  }

  /** Id of the original that the event copies; null when it is the original. */
  originalOf({ id, family }: CheckedEvent): { of: string | null; isNew: boolean } {
    const answered = this.#answers.get(id)
    if (answered !== undefined) return { of: answered, isNew: false }
    return { of: this.#firstOf.get(family) ?? null, isNew: true }
  }
}

function first(name: string, topics: WorkloadTopics) {
  return defineStateful({
    name, version: 1, reads: topics.checked, writes: [topics.judged],
    state: {
      changelog: topics.remembered,
      open: () => new Firsts(),
      snapshot: { layout: 1, partsOf: (state) => state.parts(), restore: (parts) => Firsts.restore(parts) },
    },
    batch: { maxRecords: 50, maxWaitMs: 20 },
    decide(event, state) {
      const { id, key, family, seq, weight, digest } = event
      const { of, isNew } = state.originalOf(event)
      return {
        write: [topics.judged({ id, key, family, seq, weight, digest, of, verdict: of === null ? 'original' : 'copy' })],
        remember: isNew ? [{ id, family, of }] : [],
      }
    },
  })
}

// keep

function keep(name: string, topics: WorkloadTopics) {
  return defineSink({
    name, version: 1, reads: topics.judged, recordsDeadLetters: true, writes: [topics.kept, topics.failed],
    store: keptStore(name),
    commit: {
      latency: { minRows: 1, maxRows: 500, maxBytes: 4 << 20, maxAgeMs: 100, lullMs: 8 },
      raid5: { minRows: 500, maxRows: 5_000, maxBytes: 16 << 20, maxAgeMs: 1_000, lullMs: 100 },
    },
    toRow: ({ id, key, family, seq, weight, verdict, of }, origin): KeptRow => ({ id, key, family, seq, weight, verdict, of, origin }),
    sizeOf: ({ key, family }) => 150 + key.length + family.length,
    announceRow: ({ id, verdict, of }) => topics.kept({ id, verdict, of }),
    announceFailure: (failure) => topics.failed(announcementOf(failure, name)),
  })
}

/**
 * A row that the database refuses may stand on event.judged twice, and both announcements must be the same bytes (I3): it is
 * named by its key, the event's id. The record of a dead letter stands at one place only.
 */
function announcementOf({ key, stage, code, topic, partition, offset }: Failure, sink: string): FailedEvent {
  const place = stage === sink ? { topic: '', partition: -1, offset: -1 } : { topic, partition, offset }
  return { key: key ?? '', stage, code, ...place }
}
