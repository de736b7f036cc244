/** What the demo read back from the running system. The summary and the report are made from this and from nothing else. */
import type { DemoItem } from './media/item.ts'

export const KINDS = ['image', 'video', 'audio'] as const
export type Kind = (typeof KINDS)[number]
export const RELATIONS = ['original', 'same-bytes', 'same-picture', 'near-copy'] as const
export type Relation = (typeof RELATIONS)[number]

/** A submitted item. Files of the user's own come without expectations. */
export type SubmittedItem = Pick<DemoItem, 'name' | 'kind'> & Partial<Pick<DemoItem, 'family' | 'note' | 'expect'>>

/** One row of `asset`. */
export interface StoredAsset {
  assetId: string
  /** As submitted; unique. */
  name: string
  kind: Kind
  relation: Relation
  /** Asset id of the original, for a copy. */
  of: string | null
  /** Bits of 256; for sound bit errors per 1,000. */
  distance: number | null
  evidence: string | null
  cluster: number | null
  /** From the producer's event to the committed row. */
  latencyMs: number
  width: number | null
  height: number | null
  durationMicros: number | null
  bytes: number
  tags: readonly string[]
  traceId: string | null
}

/** One row of `asset_failure`. */
export interface FailedAsset {
  assetId: string
  name: string
  stage: string
  code: string
  reason: string
}

/** Undefined where it was not measured. */
export interface StageFigures {
  stage: string
  done: number
  dead: number
  retries?: number | undefined
  perSecond?: number | undefined
  /** Time in the topic before the stage took it. */
  waitP95Ms?: number | undefined
  /** Time in the stage's own work. */
  workP50Ms?: number | undefined
  workP95Ms?: number | undefined
}

export interface Search {
  /** Name of an item, or words. */
  query: string
  hits: readonly { name: string; similarity: number }[]
}

/** Where to look next: a command or an address, and what it shows. */
export interface Pointer {
  what: string
  command: string
}

export interface DemoFacts {
  items: readonly SubmittedItem[]
  assets: readonly StoredAsset[]
  failures: readonly FailedAsset[]
  stages: readonly StageFigures[]
  /** Rows of each commit of the sink, in order. */
  rowsPerCommit: readonly number[]
  /** From the first submission to the last row. */
  elapsedMs: number
  /** Model id whose vectors were compared; null without one. */
  model: string | null
  searches: readonly Search[]
  pointers: readonly Pointer[]
}
