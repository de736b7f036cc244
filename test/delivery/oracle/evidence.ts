/**
 * What a finished round of the fault tests left behind, as plain values: everything that the invariants are judged by.
 * The workload: event.made → check → event.checked → first (keeps a changelog) → event.judged → keep → rows, event.kept,
 * event.failed; each stage has a topic of dead letters, which keep turns into failures.
 */

export const STAGES = ['check', 'first', 'keep'] as const
export type StageName = (typeof STAGES)[number]

/** A record that the generator wrote. */
export interface Produced {
  id: string
  key: string
  family: string
  seq: number
  /** Why it must be dead-lettered, by stage `check` unless said otherwise. */
  poison?: string
  topic: string
  partition: number
  offset: number
  keyBytes: Buffer | null
  valueBytes: Buffer | null
  /** A healthy event whose row the database refuses: it must end as a failure of `keep`. */
  refusedByDatabase?: boolean
  /** A send of it was not acknowledged and repeated: it may be in the topic twice. */
  unsure?: boolean
}

/** A record as Kafka's own client reads it. */
export interface TopicRecord {
  topic: string
  partition: number
  offset: number
  timestampMs: number
  key: Buffer | null
  value: Buffer | null
  /** In the order of the wire; a name may come twice. */
  headers: [name: string, value: Buffer | null][]
}

/** A record with its decoded value; null when it cannot be decoded. */
export interface Read<Fact> extends TopicRecord {
  fact: Fact | null
}

export interface Made { id: string; key: string; family: string; seq: number; weight: number }
export interface Judged extends Made { verdict: 'original' | 'copy'; of: string | null }
export interface Remembered { id: string; family: string; of: string | null }
export interface Coordinates { topic: string; partition: number; offset: number }
export interface Failed extends Coordinates { stage: string; code: string }
/**
 * What event.failed tells of a failure. One of the sink's own names the event by `key` and no coordinates: a record that
 * stands twice on event.judged fails twice, and both must be told in the same bytes.
 */
export interface FailureTold extends Failed { key: string }

/** A row of the sink's table, with the coordinates of the record in event.judged that it was made of. */
export interface Row { id: string; key: string; family: string; seq: number; weight: number; verdict: string; of: string | null; partition: number; offset: number }

/** One change of one row of `sink_progress`, in the order in which they happened. */
export interface Move {
  topic: string
  partition: number
  /** Next offset before and after; a claim leaves it as it is. `from` is null for the first claim. */
  from: number | null
  to: number
  epochBefore: number | null
  epoch: number
  /** Who the table says the owner is, and who made the change: both application names. */
  owner: string
  by: string
  /** Top-level transaction id. */
  transaction: string
}

/** A row at the moment it was inserted; savepoints that were rolled back leave none. */
export interface Insertion { id: string; partition: number; offset: number; transaction: string }

export interface Evidence {
  topics: { made: string; checked: string; judged: string }
  /** The stages' names, as dead letters and failures give them. */
  stages: Record<StageName, string>
  produced: Produced[]
  /** Committed records, by partition and offset. */
  made: Read<Made>[]
  checked: Read<Made>[]
  judged: Read<Judged>[]
  kept: Read<{ id: string }>[]
  failed: Read<FailureTold>[]
  /** Without barriers. */
  changelog: Read<Remembered>[]
  dead: Record<StageName, TopicRecord[]>
  /** Written in transactions that did not commit. */
  aborted: TopicRecord[]
  /** How far committed readers can read. */
  ends: Coordinates[]
  /** Committed positions of each stage's group. */
  positions: Record<StageName, Coordinates[]>
  rows: Row[]
  failures: Failed[]
  moves: Move[]
  insertions: Insertion[]
  /** Codes of failures that healthy events may have in this round. */
  mayGiveUp: readonly string[]
  /** Versions of a stage that ran side by side: an event may have an event id of each. */
  versions: number
}

export const INVARIANTS = [
  'lost-ids', 'doubled-rows', 'contradicting-duplicates', 'order-inversions', 'neither-processed-nor-dead', 'both-processed-and-dead',
  'dead-letter-bytes-differ', 'rows-from-zombie-epoch', 'state-differs', 'aborted-records-seen', 'progress-moved-back', 'position-ahead',
  'wrong-rows', 'unannounced',
] as const
export type InvariantName = (typeof INVARIANTS)[number]

/** `detail` names ids, coordinates and bytes. */
export interface Violation { invariant: InvariantName; detail: string }

export function placeOf({ topic, partition, offset }: Coordinates): string {
  return `${topic}/${partition}/${offset}`
}

/** The last header of this name, as text. */
export function headerOf(record: TopicRecord, name: string): string | undefined {
  return record.headers.findLast(([each]) => each === name)?.[1]?.toString('utf8')
}

export function isSame(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}
