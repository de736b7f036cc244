/** The events of a round, drawn from its seed: skewed keys, some records that must fail, and bytes that are no event. */
import { createHash } from 'node:crypto'
import { partitionOfKey } from '#runtime/loop/partition-of-key.ts'
import type { MadeEvent, WorkloadTopics } from './workload/topics.ts'
import { zipf, type Random } from './random.ts'

/** Why a record must become a dead letter of `check`. */
export type Poison = 'truncated' | 'unknown-schema' | 'bad-magic' | 'no-value' | 'zero-key' | 'throws' | 'spoiled'

/** A record to be written to event.made. */
export interface Draft {
  id: string
  key: string
  family: string
  seq: number
  poison?: Poison
  refusedByDatabase?: boolean
  partition: number
  keyBytes: Buffer
  valueBytes: Buffer | null
  timestampMs: number
}

export interface EventsOptions {
  random: Random
  encode(event: MadeEvent): Buffer
  topics: WorkloadTopics
  /** 'skewed' draws event times within a day around now, and some at 0. */
  timestamps: 'now' | 'skewed'
}

const KEYS = 200
const ZIPF_EXPONENT = 1.1

/** Events of one key that share a family. */
const FAMILY_SPAN = 4
/** Keys that share families. */
const KEY_GROUPS = 40

const POISON_SHARE = 0.02
const REFUSED_SHARE = 0.004
const BIG_SHARE = 0.001
const BIG_BYTES = 600_000
const DAY_MS = 86_400_000

/** No registry gives ids of this size in a test's life. */
const UNKNOWN_SCHEMA = 1_999_999_999

/** In proportion to how often each comes. `throws` costs its key all attempts, so there are few. */
const POISONS: readonly Poison[] = ['spoiled', 'spoiled', 'truncated', 'truncated', 'unknown-schema', 'bad-magic', 'no-value', 'zero-key', 'spoiled', 'throws']

/** An endless supply. */
export function* drawEvents(options: EventsOptions): Generator<Draft, never> {
  const { random, topics } = options
  const rank = zipf(KEYS, ZIPF_EXPONENT, random)
  const counts = new Map<string, number>()
  for (let n = 0; ; n++) {
    const number = rank()
    const key = `key-${number}`
    const seq = counts.get(key) ?? 0
    counts.set(key, seq + 1)
    const family = `family-${number % KEY_GROUPS}-${Math.floor(seq / FAMILY_SPAN)}`
    const poison = random.next() < POISON_SHARE ? random.pick(POISONS) : undefined
    const refusedByDatabase = poison === undefined && random.next() < REFUSED_SHARE
    const event: MadeEvent = {
      id: uuid(random), key, family, seq, weight: refusedByDatabase ? -1 : random.whole(0, 1_000),
      kind: poison === 'spoiled' || poison === 'throws' ? poison : 'plain',
      payload: payload(random),
    }
    const keyBytes = poison === 'zero-key' ? Buffer.alloc(4) : Buffer.from(key)
    yield {
      id: event.id, key, family, seq, partition: partitionOfKey(keyBytes, topics.made.partitions), keyBytes,
      valueBytes: spoil(options.encode(event), poison), timestampMs: timestamp(options),
      ...(poison ? { poison } : {}), ...(refusedByDatabase ? { refusedByDatabase } : {}),
    }
  }
}

/** The bytes of an event that is not as it should be. */
function spoil(value: Buffer, poison: Poison | undefined): Buffer | null {
  switch (poison) {
    case 'no-value': return null
    case 'truncated': return value.subarray(0, 20)
    case 'bad-magic': return Buffer.concat([Buffer.from([0x7b]), value.subarray(1)])
    case 'unknown-schema': {
      const changed = Buffer.from(value)
      changed.writeUInt32BE(UNKNOWN_SCHEMA, 1)
      return changed
    }
    default: return value
  }
}

function payload(random: Random): Buffer {
  const bytes = random.next() < BIG_SHARE ? BIG_BYTES : random.whole(100, 300)
  const seed = createHash('sha256').update(String(random.next())).digest()
  // Not compressible within a record, and cheap: the same block turned by its place.
  return Buffer.from(Uint8Array.from({ length: bytes }, (_, at) => seed[at % 32]! ^ (at * 31) ^ (at >> 5)))
}

function timestamp({ timestamps, random }: EventsOptions): number {
  if (timestamps === 'now') return Date.now()
  return random.next() < 0.1 ? 0 : Date.now() + Math.round(random.between(-DAY_MS, DAY_MS))
}

/** Of version 4 in form; from the seed. */
function uuid(random: Random): string {
  const digits = Array.from({ length: 4 }, () => random.whole(0, 0xffff_ffff).toString(16).padStart(8, '0')).join('')
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20, 32)}`
}
