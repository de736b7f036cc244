import { ROW_BYTES, type BitmapSettings } from './array.ts'

/** The bitmap's own header, before the first bit (`sizeof(bitmap_super_t)`). */
const HEADER_BITS = 256 * 8
const PAGE_BITS = ROW_BYTES * 8

/** The daemon found the bit quiet once; the second time it clears it. */
const FRESH = 2
const QUIET = 1

/**
 * The write-intent bitmap of drivers/md/md-bitmap.c: a bit is on the disks before its region is written, and is cleared
 * lazily. Every page written goes to every member, as `writePage` is told.
 *
 * A bit is FRESH with each write; a pass of the daemon makes it QUIET, the next one clears it in memory, the third one writes
 * the page. A page that is written for another bit before that takes the cleared bit along.
 */
export class WriteIntent {
  readonly #settings: BitmapSettings
  readonly #writePage: () => void
  readonly #bits = new Map<number, number>()
  /** Pages with bits that are cleared in memory only. */
  readonly #pending = new Set<number>()
  #nextPassUs: number | undefined

  constructor(settings: BitmapSettings, writePage: () => void) {
    this.#settings = settings
    this.#writePage = writePage
  }

  /** Makes sure that the bits of `rows` are on the disks: called before the rows are written. */
  intend(rows: Iterable<number>, nowUs: number): void {
    const pages = new Set<number>()
    for (const row of rows) {
      const bit = Math.floor((row * ROW_BYTES) / this.#settings.chunkBytes)
      if (!this.#bits.has(bit)) pages.add(pageOf(bit))
      this.#bits.set(bit, FRESH)
    }
    for (const page of pages) this.#write(page)
    this.#nextPassUs ??= nowUs + this.#settings.daemonSleepUs
  }

  /** Runs the daemon's passes that are due. */
  advance(nowUs: number): void {
    while (this.#nextPassUs !== undefined && this.#nextPassUs <= nowUs) this.#pass()
  }

  /** Runs the daemon until nothing is left to clear. */
  finish(): void {
    while (this.#nextPassUs !== undefined) this.#pass()
  }

  #pass(): void {
    const due = [...this.#pending]
    for (const [bit, state] of this.#bits) {
      if (state === FRESH) this.#bits.set(bit, QUIET)
      else this.#clear(bit)
    }
    for (const page of due) this.#write(page)
    // With nothing to clear the daemon sleeps until the next write.
    const idle = this.#bits.size === 0 && this.#pending.size === 0
    this.#nextPassUs = idle ? undefined : this.#nextPassUs! + this.#settings.daemonSleepUs
  }

  #clear(bit: number): void {
    this.#bits.delete(bit)
    this.#pending.add(pageOf(bit))
  }

  #write(page: number): void {
    this.#pending.delete(page)
    this.#writePage()
  }
}

function pageOf(bit: number): number {
  return Math.floor((bit + HEADER_BITS) / PAGE_BITS)
}
