/** What the report shows: for each variant the costs of its whole window, layer by layer. The report divides by the assets. */
import type { DeviceName } from '../layers.ts'
import type { RaidArray } from '../raid5/array.ts'
import type { RaidBounds } from '../raid5/bounds.ts'

export type { RaidBounds }

/** A layer that could not be seen here says why. */
export interface Absent {
  absent: string
}

/** Counts of the whole window, not per asset. */
export interface Cost {
  requests: number
  bytes: number
}

/** Bytes are those written; reads are requests too. */
export interface BlockCost extends Cost {
  flushes: number
}

export interface DeviceFigures {
  /** What the file system asked for, before merging. */
  bios: BlockCost
  /** What the device was asked for, after merging. */
  requests: BlockCost
  /** By the name of the array in `WriteFigures.arrays`. */
  raid5: Record<string, RaidBounds>
}

export interface VariantFigures {
  name: string
  /** One line. */
  about: string
  /** Which design: the old one before and after its clean-up, or ours. */
  design: 'old' | 'cleaned' | 'ours'
  rowsPerCommit: number
  preloadedRows: number
  /** Assets stored in the window: what everything is divided by. */
  assets: number
  sql: { statements: number; rows: number; commits: number } | Absent
  /** WAL records and their bytes, images included. */
  wal: (Cost & { fullPageImages: number }) | Absent
  /** 8 kB pages written by checkpoints, background writer, backends and vacuum. */
  pages: Cost | Absent
  /** Calls that write or sync, and the bytes they wrote. */
  systemCalls: Cost | Absent
  devices: Partial<Record<DeviceName, DeviceFigures | Absent>>
  notes: string[]
}

export interface WriteFigures {
  /** As in a bench's result: commit, machine, day. */
  commit: string
  machine: string
  at: string
  /** The first one is the headline's. */
  arrays: { name: string; array: RaidArray; gatherUs: number }[]
  /** The name of the variant that ratios are taken to; without it none are shown. */
  baseline?: string
  /** Drawn as lines: what is to be reached, per asset. Requests are those of the first array's members, bytes those before parity. */
  goals?: { requests: readonly number[]; bytes: readonly number[] }
  variants: VariantFigures[]
  notes: string[]
}
