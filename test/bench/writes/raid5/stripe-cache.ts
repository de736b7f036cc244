import { ROW_BYTES } from './array.ts'
import { SECTOR_BYTES } from '../block-event.ts'

const NONE = -1
const WHOLE_PAGE = 2 ** (ROW_BYTES / SECTOR_BYTES) - 1

/** Slots in the order in which they were put in. A slot is in one list at a time, so the links are shared. */
class SlotList {
  readonly #next: Int32Array
  readonly #previous: Int32Array
  #first = NONE
  #last = NONE
  length = 0

  constructor(next: Int32Array, previous: Int32Array) {
    this.#next = next
    this.#previous = previous
  }

  get first(): number {
    return this.#first
  }

  after(slot: number): number {
    return this.#next[slot]!
  }

  push(slot: number): void {
    this.#next[slot] = NONE
    this.#previous[slot] = this.#last
    if (this.#last === NONE) this.#first = slot
    else this.#next[this.#last] = slot
    this.#last = slot
    this.length++
  }

  remove(slot: number): void {
    const next = this.#next[slot]!
    const previous = this.#previous[slot]!
    if (previous === NONE) this.#first = next
    else this.#next[previous] = next
    if (next === NONE) this.#last = previous
    else this.#previous[next] = previous
    this.length--
  }
}

/**
 * The rows in memory: those that gather writes, and those that were settled and are kept until their room is needed, the one
 * settled longest ago first. Masks have a bit for each member.
 */
export class StripeCache {
  readonly #disks: number
  readonly #capacity: number
  readonly #slotOf = new Map<number, number>()
  readonly #rows: Float64Array
  readonly #overwritten: Int32Array
  readonly #patched: Int32Array
  readonly #cached: Int32Array
  /** Of each page that is written in part: a bit for each sector that was. */
  readonly #sectors: Uint8Array
  readonly #gathering: SlotList
  readonly #settled: SlotList
  #used = 0

  constructor(capacity: number, disks: number) {
    this.#disks = disks
    this.#capacity = capacity
    this.#rows = new Float64Array(capacity)
    this.#overwritten = new Int32Array(capacity)
    this.#patched = new Int32Array(capacity)
    this.#cached = new Int32Array(capacity)
    this.#sectors = new Uint8Array(capacity * disks)
    const links = [new Int32Array(capacity), new Int32Array(capacity)] as const
    this.#gathering = new SlotList(...links)
    this.#settled = new SlotList(...links)
  }

  get gathering(): number {
    return this.#gathering.length
  }

  row(slot: number): number {
    return this.#rows[slot]!
  }

  overwritten(slot: number): number {
    return this.#overwritten[slot]!
  }

  patched(slot: number): number {
    return this.#patched[slot]!
  }

  cached(slot: number): number {
    return this.#cached[slot]!
  }

  /** The slot in which `row` gathers, or -1: every slot gathers and some must be settled first. */
  gather(row: number): number {
    const known = this.#slotOf.get(row)
    if (known !== undefined) {
      if (!this.#isGathering(known)) this.#startGathering(known)
      return known
    }
    const slot = this.#used < this.#capacity ? this.#used++ : this.#evict()
    if (slot === NONE) return NONE
    this.#slotOf.set(row, slot)
    this.#rows[slot] = row
    this.#cached[slot] = 0
    this.#gathering.push(slot)
    return slot
  }

  /** Sectors `from` (inclusive) to `to` of the member's page are written. */
  write(slot: number, member: number, from: number, to: number): void {
    const bit = 1 << member
    if ((this.#overwritten[slot]! & bit) !== 0) return
    const at = slot * this.#disks + member
    const sectors = this.#sectors[at]! | ((1 << to) - (1 << from))
    this.#sectors[at] = sectors
    if (sectors !== WHOLE_PAGE) {
      this.#patched[slot]! |= bit
      return
    }
    this.#overwritten[slot]! |= bit
    this.#patched[slot]! &= ~bit
  }

  /** The gathering slots that `wanted` picks, in the order of their rows. */
  pick(wanted: (slot: number) => boolean): number[] {
    const picked: number[] = []
    for (let slot = this.#gathering.first; slot !== NONE; slot = this.#gathering.after(slot)) if (wanted(slot)) picked.push(slot)
    return picked.sort((a, b) => this.#rows[a]! - this.#rows[b]!)
  }

  /** The slot's writes are on the disks; the pages in `cached` stay in memory. */
  settle(slot: number, cached: number): void {
    this.#gathering.remove(slot)
    this.#overwritten[slot] = 0
    this.#patched[slot] = 0
    this.#cached[slot] = cached
    this.#sectors.fill(0, slot * this.#disks, (slot + 1) * this.#disks)
    this.#settled.push(slot)
  }

  /** A row gathers from its first write on, and has none once it is settled. */
  #isGathering(slot: number): boolean {
    return (this.#overwritten[slot]! | this.#patched[slot]!) !== 0
  }

  #startGathering(slot: number): void {
    this.#settled.remove(slot)
    this.#gathering.push(slot)
  }

  #evict(): number {
    const slot = this.#settled.first
    if (slot === NONE) return NONE
    this.#settled.remove(slot)
    this.#slotOf.delete(this.#rows[slot]!)
    return slot
  }
}
