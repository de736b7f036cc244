/** The events of a run: skewed keys, families that lie on one partition, poison of many kinds, and some written twice. */
import { frame } from '#runtime/avro/wire.ts'
import { partitionOfKey } from '#runtime/loop/partition-of-key.ts'
import type { OutgoingRecord } from '#runtime/loop/ports.ts'
import type { Coverage } from '../coverage.ts'
import type { Random } from '../random.ts'
import { EVOLVED, UNKNOWN } from './json-codec.ts'
import { REFUSED, UNWANTED, type Made, type Partitions } from './topology.ts'

export interface Planned { atMs: number; record: OutgoingRecord; event: Made | undefined }

export interface EventPlan { count: number; untilMs: number; poison: number; twice: number; evolved: number }

/** A key whose bytes are those of an abort marker's. */
const FOUR_ZERO_BYTES = '\0\0\0\0'

/** In order of time; those of one key rise in `seq`. */
export function planEvents(plan: EventPlan, partitions: Partitions, random: Random, coverage: Coverage): Planned[] {
  const seqs = new Map<string, number>()
  const times = Array.from({ length: plan.count }, () => random.below(plan.untilMs)).sort((a, b) => a - b)
  const planned = times.map((atMs, n) => planOne(atMs, n, plan, partitions, random, seqs, coverage))
  const again = planned.filter(() => random.chance(plan.twice)).map((each) => ({ ...each, atMs: each.atMs + random.between(1, plan.untilMs / 2) }))
  return [...planned, ...again].sort((a, b) => a.atMs - b.atMs)
}

function planOne(atMs: number, n: number, plan: EventPlan, partitions: Partitions, random: Random, seqs: Map<string, number>, coverage: Coverage): Planned {
  const key = `k${skewed(random, 12)}`
  const seq = (seqs.get(key) ?? 0) + 1
  seqs.set(key, seq)
  const family = random.chance(0.03) ? FOUR_ZERO_BYTES : `f${skewed(random, 20)}`
  if (family === FOUR_ZERO_BYTES) coverage.count('four-zero-key')
  const event: Made = { id: `e${n}`, key, family, seq, kind: random.chance(plan.poison / 2) ? random.pick(['spoiled', 'throws']) : 'plain', weight: random.chance(0.08) ? random.pick([REFUSED, UNWANTED]) : n }
  const value = frame(1 + (random.chance(plan.evolved) ? EVOLVED : 0), Buffer.from(JSON.stringify(event)))
  const record = { topic: 'event.made', partition: partitionOfKey(Buffer.from(key), partitions.made), key: Buffer.from(key), value, headers: { 'event-id': event.id }, timestampMs: 1_000 + n }
  if (event.kind !== 'plain') coverage.count('poison')
  if (!random.chance(plan.poison)) return { atMs, record, event }
  coverage.count('poison')
  return { atMs, record: { ...record, ...poison(record.value, random) }, event: undefined }
}

function poison(value: Buffer, random: Random): { key?: Buffer | null; value?: Buffer | null } {
  return random.pick<() => { key?: Buffer | null; value?: Buffer | null }>([
    () => ({ value: null }),
    () => ({ key: null }),
    () => ({ value: value.subarray(0, value.length - 3) }),
    () => ({ value: Buffer.from('junk') }),
    () => ({ key: Buffer.from([0, 0, 0, 0]) }),
    () => ({ value: frame(UNKNOWN, value.subarray(5)) }),
  ])()
}

/** Small numbers come much more often than large ones. */
function skewed(random: Random, below: number): number {
  return Math.floor(below * random.next() ** 2.5)
}
