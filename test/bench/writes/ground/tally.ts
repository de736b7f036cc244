/** Counts and bytes of block events. */
import { SECTOR_BYTES, type BlockEvent } from '../block-event.ts'
import type { BlockCounts } from '../layers.ts'

export type Tally = BlockCounts['requests']

export function emptyTally(): Tally {
  return { reads: 0, writes: 0, flushes: 0, readBytes: 0, writtenBytes: 0 }
}

/** A write that demands a flush before it counts as both. Discards write nothing. */
export function count(tally: Tally, { kind, sectors, preflush }: BlockEvent): void {
  if (kind === 'flush' || preflush) tally.flushes += 1
  if (kind === 'read') {
    tally.reads += 1
    tally.readBytes += sectors * SECTOR_BYTES
  }
  if (kind === 'write') {
    tally.writes += 1
    tally.writtenBytes += sectors * SECTOR_BYTES
  }
}
