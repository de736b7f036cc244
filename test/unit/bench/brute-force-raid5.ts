/**
 * RAID5 by brute force, for small arrays: every sector an element of a set, both methods tried for every row, a cache without end.
 * Shares nothing with the replay but the shape of its events.
 */
import type { BlockEvent } from '../../bench/writes/block-event.ts'

export interface BruteArray {
  disks: number
  rowsPerChunk: number
  /** Settle after each event, or at flushes and at the end only. */
  immediate: boolean
  maxRows: number
}

/** What may merge differs by direction: FUA writes do not. */
interface Settling extends BruteArray {
  maxReadRows: number
}

export interface BruteMember {
  reads: number
  writes: number
  pagesRead: number
  pagesWritten: number
}

export interface BruteCost {
  members: BruteMember[]
  rows: { full: number; rmw: number; rcw: number }
}

interface Place {
  row: number
  member: number
}

export function bruteForce(events: readonly BlockEvent[], array: BruteArray): BruteCost {
  const cost: BruteCost = { members: Array.from({ length: array.disks }, () => ({ reads: 0, writes: 0, pagesRead: 0, pagesWritten: 0 })), rows: { full: 0, rmw: 0, rcw: 0 } }
  const known = new Set<string>()
  let written = new Set<number>()
  const settle = (maxRows = array.maxRows): void => {
    settleAll(written, { ...array, maxRows, maxReadRows: array.maxRows }, known, cost)
    written = new Set()
  }
  for (const { kind, sector, sectors, fua, preflush } of events) {
    if (kind === 'flush' || preflush || fua) settle()
    if (kind === 'write') for (let at = sector; at < sector + sectors; at++) written.add(at)
    if (fua) settle(1)
    else if (array.immediate) settle()
  }
  settle()
  return cost
}

function settleAll(written: ReadonlySet<number>, array: Settling, known: Set<string>, cost: BruteCost): void {
  const reads: Place[] = []
  const writes: Place[] = []
  const lateRows = new Set<number>()
  const byRow = Map.groupBy([...written].map((sector) => placeOf(sector, array)), ({ row }) => row)
  for (const [row, places] of byRow) {
    const before = reads.length
    settleOne(row, places, array, known, cost, reads, writes)
    if (reads.length > before) lateRows.add(row)
  }
  const late = (row: number): boolean => lateRows.has(row)
  cost.members.forEach((member, index) => {
    const rowsOf = (places: Place[]): number[] => places.filter((place) => place.member === index).map(({ row }) => row)
    member.pagesRead += rowsOf(reads).length
    member.pagesWritten += rowsOf(writes).length
    member.reads += requestsFor(rowsOf(reads), array.maxReadRows)
    // Rows that wait for reads are written later than the others.
    member.writes += requestsFor(rowsOf(writes).filter(late), array.maxRows) + requestsFor(rowsOf(writes).filter((row) => !late(row)), array.maxRows)
  })
}

/** `places`: of each sector that was written in the row. */
function settleOne(row: number, places: Place[], array: BruteArray, known: Set<string>, cost: BruteCost, reads: Place[], writes: Place[]): void {
  const parity = parityOf(row, array)
  const data = Array.from({ length: array.disks }, (_, member) => member).filter((member) => member !== parity)
  const share = (member: number): number => places.filter((place) => place.member === member).length
  const whole = data.filter((member) => share(member) === 8)
  const part = data.filter((member) => share(member) > 0 && share(member) < 8)
  const unknown = (members: number[]): number[] => members.filter((member) => !known.has(`${row}/${member}`))
  const toModify = new Set(unknown([...part, ...whole, parity]))
  const toReconstruct = new Set(unknown([...part, ...data.filter((member) => !whole.includes(member))]))
  const modify = toModify.size < toReconstruct.size
  cost.rows[whole.length === data.length ? 'full' : modify ? 'rmw' : 'rcw']++
  for (const member of modify ? toModify : toReconstruct) reads.push({ row, member })
  for (const member of [...whole, ...part, parity]) writes.push({ row, member })
  for (const place of [...reads, ...writes]) known.add(`${place.row}/${place.member}`)
}

/** On a left-symmetric array data go round the members without a gap: where one stripe's parity is, the next one's data begin. */
function placeOf(sector: number, { disks, rowsPerChunk }: BruteArray): Place {
  const page = Math.floor(sector / 8)
  const chunk = Math.floor(page / rowsPerChunk)
  return { row: Math.floor(chunk / (disks - 1)) * rowsPerChunk + (page % rowsPerChunk), member: chunk % disks }
}

function parityOf(row: number, { disks, rowsPerChunk }: BruteArray): number {
  let member = disks - 1
  for (let stripe = Math.floor(row / rowsPerChunk); stripe > 0; stripe--) member = member === 0 ? disks - 1 : member - 1
  return member
}

/** Runs of neighbours, each cut into pieces of `maxRows`. */
function requestsFor(rows: number[], maxRows: number): number {
  const present = new Set(rows)
  let requests = 0
  for (const first of present) {
    if (present.has(first - 1)) continue
    let length = 1
    while (present.has(first + length)) length++
    requests += Math.ceil(length / maxRows)
  }
  return requests
}
