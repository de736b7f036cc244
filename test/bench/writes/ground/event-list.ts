/** Block events in columns: a million take 22 MB and pass from thread to thread without a copy. */
import type { BlockEvent } from '../block-event.ts'

export interface EventColumns {
  length: number
  timeUs: Float64Array<ArrayBuffer>
  sector: Float64Array<ArrayBuffer>
  sectors: Uint32Array<ArrayBuffer>
  /** Kind in the low two bits, then FUA and preflush. */
  flags: Uint8Array<ArrayBuffer>
}

const KINDS = ['read', 'write', 'flush', 'discard'] as const
const FUA = 4
const PREFLUSH = 8

const FIRST_CAPACITY = 4096
/** 350 MB of columns; more is no window of work but something gone wrong. */
const MOST_EVENTS = 16_777_216

export function emptyColumns(capacity = FIRST_CAPACITY): EventColumns {
  return {
    length: 0,
    timeUs: new Float64Array(capacity), sector: new Float64Array(capacity),
    sectors: new Uint32Array(capacity), flags: new Uint8Array(capacity),
  }
}

/** @returns the columns to go on with @throws Error when there are too many events */
export function append(columns: EventColumns, event: BlockEvent): EventColumns {
  const room = columns.length < columns.flags.length ? columns : grown(columns)
  const at = room.length++
  room.timeUs[at] = event.timeUs
  room.sector[at] = event.sector
  room.sectors[at] = event.sectors
  room.flags[at] = KINDS.indexOf(event.kind) | (event.fua ? FUA : 0) | (event.preflush ? PREFLUSH : 0)
  return room
}

function grown(columns: EventColumns): EventColumns {
  if (columns.length >= MOST_EVENTS) throw new Error(`a window of more than ${MOST_EVENTS} block events`)
  const larger = emptyColumns(columns.length * 2)
  for (const name of ['timeUs', 'sector', 'sectors', 'flags'] as const) larger[name].set(columns[name])
  larger.length = columns.length
  return larger
}

/** In order of time: the trace's reader takes turns with the CPUs, which can put neighbours the wrong way round. */
export function toEvents({ length, timeUs, sector, sectors, flags }: EventColumns): BlockEvent[] {
  const events = Array.from({ length }, (_, i): BlockEvent => {
    const flag = flags[i]!
    return { timeUs: timeUs[i]!, kind: KINDS[flag & 3]!, sector: sector[i]!, sectors: sectors[i]!, fua: (flag & FUA) !== 0, preflush: (flag & PREFLUSH) !== 0 }
  })
  return events.sort((a, b) => a.timeUs - b.timeUs)
}

export function buffersOf(columns: EventColumns): ArrayBuffer[] {
  return [columns.timeUs.buffer, columns.sector.buffer, columns.sectors.buffer, columns.flags.buffer]
}
