/** Short forms for the events of a device; places and lengths in KiB. */
import type { BlockEvent } from '../../bench/writes/block-event.ts'

const SECTORS_PER_KIB = 2

function event(kind: BlockEvent['kind'], fromKiB: number, lengthKiB: number, timeUs: number): BlockEvent {
  return { kind, timeUs, sector: fromKiB * SECTORS_PER_KIB, sectors: lengthKiB * SECTORS_PER_KIB, fua: false, preflush: false }
}

export const write = (fromKiB: number, lengthKiB: number, timeUs = 0): BlockEvent => event('write', fromKiB, lengthKiB, timeUs)
export const read = (fromKiB: number, lengthKiB: number, timeUs = 0): BlockEvent => event('read', fromKiB, lengthKiB, timeUs)
export const discard = (fromKiB: number, lengthKiB: number, timeUs = 0): BlockEvent => event('discard', fromKiB, lengthKiB, timeUs)
export const flush = (timeUs = 0): BlockEvent => event('flush', 0, 0, timeUs)
/** A journal's commit record: the cache is flushed before it, and it is on the medium when it completes. */
export const barrier = (fromKiB: number, lengthKiB: number, timeUs = 0): BlockEvent => ({ ...write(fromKiB, lengthKiB, timeUs), fua: true, preflush: true })
