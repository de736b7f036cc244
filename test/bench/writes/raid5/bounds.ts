import type { BlockEvent } from '../block-event.ts'
import type { RaidArray, RaidCost } from './array.ts'
import { replay } from './replay.ts'

/** How long the lower bound gathers: longer than any plug lives (a task's plug ends when the task sleeps). */
export const GATHER_US = 100_000

/** The same events on the same array, with the most and the least luck in what meets in memory. */
export interface RaidBounds {
  /** Writes gather for GATHER_US, or until a flush or a full stripe cache. */
  gathered: RaidCost
  /** Every event is settled on arrival, apart from all others. */
  immediate: RaidCost
}

export function replayBounds(events: readonly BlockEvent[], array: RaidArray): RaidBounds {
  return { gathered: replay(events, { ...array, plugWindowUs: GATHER_US }), immediate: replay(events, { ...array, plugWindowUs: 0 }) }
}
