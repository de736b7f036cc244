/**
 * What a Linux md RAID5 array would do for a device's events: own code after drivers/md/raid5.c. One pass, memory bounded by the
 * stripe cache. Left out: degraded arrays, resync, reshape, a journal device, PPL, and time: md may begin to write a long request's
 * rows before it has them all, which costs it more and smaller requests than the replay tells.
 */
import { SECTOR_BYTES, type BlockEvent } from '../block-event.ts'
import { ROW_BYTES, checkArray, type MemberCost, type RaidArray, type RaidCost } from './array.ts'
import { dataMember, parityMember } from './layout.ts'
import { MemberRequests } from './member-requests.ts'
import { SafeMode } from './safe-mode.ts'
import { settleRow, size, type Row, type Settlement } from './settle-row.ts'
import { StripeCache } from './stripe-cache.ts'
import { WriteIntent } from './write-intent.ts'

const ROW_SECTORS = ROW_BYTES / SECTOR_BYTES

/**
 * What `events` cost the members of `array`, bits that are cleared and superblocks that are marked clean after the last one
 * included. The array is in sync and clean, its cache cold, at the first event.
 * @throws RangeError when the array or an event is none, or time runs backwards.
 */
export function replay(events: Iterable<BlockEvent>, array: RaidArray): RaidCost {
  checkArray(array)
  const replayed = new Replay(array)
  for (const event of events) replayed.take(event)
  return replayed.finish()
}

class Replay {
  readonly #array: RaidArray
  readonly #chunkSectors: number
  readonly #members: MemberRequests[]
  readonly #cache: StripeCache
  readonly #intent: WriteIntent | null
  readonly #safeMode: SafeMode | null
  readonly #rows = { full: 0, rmw: 0, rcw: 0 }
  #nowUs = 0
  /** When the oldest write that gathers came. */
  #gatheringSinceUs = 0
  #readingSinceUs = 0
  #dataSectors = 0
  #settledPages = 0
  #bitmapWrites = 0
  #superblockWrites = 0
  #discardsIgnored = 0
  /** Written anew for each row: a replay settles tens of millions. */
  readonly #row: Row = { overwritten: 0, patched: 0, cached: 0, data: 0, parity: 0 }
  readonly #settlement: Settlement = { method: 'full', read: 0, write: 0 }

  constructor(array: RaidArray) {
    this.#array = array
    this.#chunkSectors = array.chunkBytes / SECTOR_BYTES
    this.#members = Array.from({ length: array.disks }, () => new MemberRequests(array.maxRequestBytes))
    this.#cache = new StripeCache(array.stripeCacheRows, array.disks)
    this.#intent = array.bitmap === null ? null : new WriteIntent(array.bitmap, () => (this.#bitmapWrites += this.#writeMetadata()))
    this.#safeMode = array.safeModeDelayUs === null ? null : new SafeMode(array.safeModeDelayUs, () => (this.#superblockWrites += this.#writeMetadata()))
  }

  take(event: BlockEvent): void {
    checkEvent(event, this.#nowUs)
    this.#advance(event.timeUs)
    if (event.kind === 'discard') this.#discardsIgnored++
    else if (event.kind === 'read') this.#read(event)
    else this.#write(event)
  }

  finish(): RaidCost {
    this.#settleAll()
    this.#safeMode?.finish()
    this.#intent?.finish()
    const members = this.#members.map((member) => member.cost())
    const total = members.reduce(sum)
    return {
      members, total, requests: total.reads + total.writes, dataBytes: this.#dataSectors * SECTOR_BYTES, settledBytes: this.#settledPages * ROW_BYTES, rows: this.#rows,
      bitmapWrites: this.#bitmapWrites, superblockWrites: this.#superblockWrites, discardsIgnored: this.#discardsIgnored,
    }
  }

  #advance(toUs: number): void {
    const windowEndsUs = this.#gatheringSinceUs + this.#array.plugWindowUs
    if (this.#cache.gathering > 0 && windowEndsUs <= toUs) {
      this.#tick(windowEndsUs)
      this.#settleAll()
    }
    this.#tick(toUs)
  }

  #tick(toUs: number): void {
    this.#nowUs = toUs
    this.#intent?.advance(toUs)
    // A write that gathers is one that the array has not answered: it keeps the array from being called clean.
    if (this.#cache.gathering === 0) this.#safeMode?.advance(toUs)
  }

  /** Writes and flushes. A write with a preflush is a flush and then a write, as md takes it apart (`md_flush_request`). */
  #write({ kind, preflush, fua, sector, sectors }: BlockEvent): void {
    if (kind === 'flush' || preflush) this.#flush()
    if (kind !== 'write' || sectors === 0) return
    if (fua) this.#settleAll()
    this.#dataSectors += sectors
    this.#forEachChunk(sector, sectors, this.#gatherChunk)
    if (fua || this.#array.plugWindowUs === 0) this.#settleAll(!fua)
  }

  #flush(): void {
    this.#settleAll()
    for (const member of this.#members) member.flush()
  }

  /** Past the cache and straight to the members, cut at chunks (`chunk_aligned_read`). */
  #read({ sector, sectors }: BlockEvent): void {
    if (this.#nowUs >= this.#readingSinceUs + this.#array.plugWindowUs) {
      this.#readingSinceUs = this.#nowUs
      for (const member of this.#members) member.endOfReads()
    }
    this.#forEachChunk(sector, sectors, this.#readChunk)
  }

  /** Calls `each` with the member's number and the sectors on it, chunk by chunk. */
  #forEachChunk(sector: number, sectors: number, each: (member: number, from: number, to: number) => void): void {
    const { disks } = this.#array
    for (let at = sector, rest = sectors; rest > 0; ) {
      const chunk = Math.floor(at / this.#chunkSectors)
      const stripe = Math.floor(chunk / (disks - 1))
      const within = at - chunk * this.#chunkSectors
      const length = Math.min(rest, this.#chunkSectors - within)
      const from = stripe * this.#chunkSectors + within
      each(dataMember(stripe, chunk % (disks - 1), disks), from, from + length)
      at += length
      rest -= length
    }
  }

  readonly #readChunk = (member: number, from: number, to: number): void => {
    // On arrival each piece goes down by itself, even those of one event.
    if (this.#array.plugWindowUs === 0) this.#members[member]!.endOfReads()
    this.#members[member]!.readBytes(from * SECTOR_BYTES, (to - from) * SECTOR_BYTES)
  }

  readonly #gatherChunk = (member: number, from: number, to: number): void => {
    for (let row = Math.floor(from / ROW_SECTORS), start = row * ROW_SECTORS; start < to; row++, start += ROW_SECTORS) {
      this.#cache.write(this.#gatheringSlot(row), member, Math.max(from - start, 0), Math.min(to - start, ROW_SECTORS))
    }
  }

  #gatheringSlot(row: number): number {
    if (this.#cache.gathering === 0) this.#gatheringSinceUs = this.#nowUs
    const slot = this.#cache.gather(row)
    if (slot >= 0) return slot
    this.#makeRoom()
    return this.#cache.gather(row)
  }

  /** When every slot gathers, rows that are overwritten whole go first, as in md: the others may still be completed. */
  #makeRoom(): void {
    const whole = this.#array.disks - 1
    const complete = this.#cache.pick((slot) => size(this.#cache.overwritten(slot)) === whole)
    this.#settle(complete.length > 0 ? complete : this.#cache.pick(() => true))
  }

  /**
   * The end of a gathering: what comes later is not merged with it. Rows that only made room do merge with their successors.
   * FUA writes do not `merge` at all (REQ_NOMERGE_FLAGS).
   */
  #settleAll(merge = true): void {
    if (this.#cache.gathering > 0) this.#settle(this.#cache.pick(() => true), merge)
    for (const member of this.#members) member.endOfWrites()
  }

  /**
   * `slots` in the order of their rows, so that neighbours meet. Rows that wait for reads are written after those that need none,
   * so neighbours of the two kinds do not merge.
   */
  #settle(slots: number[], merge = true): void {
    this.#safeMode?.write(this.#nowUs)
    this.#intent?.intend(slots.map((slot) => this.#cache.row(slot)), this.#nowUs)
    const waiting = slots.filter((slot) => !this.#settleSlot(slot, false, merge))
    if (waiting.length === 0) return
    for (const member of this.#members) member.endOfWrites()
    for (const slot of waiting) this.#settleSlot(slot, true, merge)
  }

  /** @returns whether it is settled: false when it needs reads and may not `read` */
  #settleSlot(slot: number, read: boolean, merge: boolean): boolean {
    const row = this.#cache.row(slot)
    const settlement = this.#settlement
    this.#describe(slot, row)
    settleRow(this.#row, settlement)
    if (settlement.read !== 0 && !read) return false
    this.#rows[settlement.method]++
    this.#settledPages += size(settlement.write) - 1
    for (let rest = settlement.read; rest !== 0; rest &= rest - 1) this.#members[lowest(rest)]!.readRow(row)
    for (let rest = settlement.write; rest !== 0; rest &= rest - 1) this.#members[lowest(rest)]!.writeRow(row, merge)
    this.#cache.settle(slot, this.#row.cached | settlement.read | settlement.write)
    return true
  }

  #describe(slot: number, row: number): void {
    const { disks, chunkBytes } = this.#array
    this.#row.parity = 1 << parityMember(Math.floor((row * ROW_BYTES) / chunkBytes), disks)
    this.#row.data = ((1 << disks) - 1) & ~this.#row.parity
    this.#row.overwritten = this.#cache.overwritten(slot)
    this.#row.patched = this.#cache.patched(slot)
    this.#row.cached = this.#cache.cached(slot)
  }

  /** One page of bitmap or superblock, to every member. */
  #writeMetadata(): number {
    for (const member of this.#members) member.writeMetadata()
    return this.#members.length
  }
}

function checkEvent({ timeUs, sector, sectors }: BlockEvent, nowUs: number): void {
  if (!(timeUs >= nowUs)) throw new RangeError(`block event: time runs backwards, from ${nowUs} to ${timeUs} µs`)
  const valid = Number.isSafeInteger(sector) && Number.isSafeInteger(sectors) && sector >= 0 && sectors >= 0 && Number.isSafeInteger((sector + sectors) * SECTOR_BYTES)
  if (!valid) throw new RangeError(`block event: no such sectors: ${sectors} from ${sector}`)
}

/** The lowest member in a mask that is not empty. */
function lowest(mask: number): number {
  return 31 - Math.clz32(mask & -mask)
}

function sum(a: MemberCost, b: MemberCost): MemberCost {
  return { reads: a.reads + b.reads, writes: a.writes + b.writes, flushes: a.flushes + b.flushes, bytesRead: a.bytesRead + b.bytesRead, bytesWritten: a.bytesWritten + b.bytesWritten }
}
