/**
 * Fixed-width keys and the order in which they came: open-addressed hash tables over typed arrays. Each serves up to
 * 2^20 rows, so that growing never places millions of rows at once; a look-up asks them all, which costs a cache miss each.
 */
import { jsonPart, type SnapshotParts } from '#runtime/api.ts'
import { words, type Column } from './column.ts'

const SEGMENT_BITS = 20
const FIRST_SLOTS = 1 << 8
/** Above three quarters, runs of full slots grow long. */
const FULLEST = 0.75

export class KeyTable {
  readonly #keys: Column<Uint32Array>
  readonly #width: number
  readonly #bits: number
  /** By segment: row within it + 1; 0 is empty. */
  readonly #slots: Uint32Array[] = []

  /** @param width 32-bit words in a key
   *  @param segmentBits log2 of the rows of a segment; smaller in tests only */
  constructor(width: number, segmentBits = SEGMENT_BITS) {
    this.#keys = words(width)
    this.#width = width
    this.#bits = segmentBits
  }

  get size(): number {
    return this.#keys.rows
  }

  get bytes(): number {
    return this.#slots.reduce((sum, slots) => sum + slots.byteLength, this.#keys.bytes)
  }

  /** The row of the first equal key; undefined when there is none. */
  find(key: Uint32Array): number | undefined {
    const hash = mix(key)
    for (let segment = 0; segment < this.#slots.length; segment++) {
      const slots = this.#slots[segment]!
      const base = segment << this.#bits
      for (let slot = hash & (slots.length - 1); slots[slot] !== 0; slot = (slot + 1) & (slots.length - 1)) {
        const row = base + slots[slot]! - 1
        if (this.#holds(row, key)) return row
      }
    }
    return undefined
  }

  /** Adds a row even when an equal key is there, so that rows count calls; `find` keeps returning the first. */
  add(key: Uint32Array): number {
    const row = this.#keys.pushRow(key)
    const segment = row >>> this.#bits
    const local = row & ((1 << this.#bits) - 1)
    if (local === 0) this.#slots.push(new Uint32Array(FIRST_SLOTS))
    if (local + 1 > this.#slots[segment]!.length * FULLEST) this.#grow(segment, local)
    place(this.#slots[segment]!, key, local)
    return row
  }

  /** A view. */
  keyAt(row: number): Uint32Array {
    return this.#keys.row(row)
  }

  *parts(): Iterable<ArrayBufferView> {
    yield* this.#keys.parts()
    yield jsonPart(this.#slots.map(({ length }) => length))
    yield* this.#slots
  }

  /** Into an empty table. */
  async restore(parts: SnapshotParts): Promise<void> {
    await this.#keys.restore(parts)
    for (const length of (await parts.json()) as number[]) {
      const slots = new Uint32Array(length)
      await parts.into(slots)
      this.#slots.push(slots)
    }
  }

  #holds(row: number, key: Uint32Array): boolean {
    for (let word = 0; word < this.#width; word++) if (this.#keys.get(row, word) !== key[word]) return false
    return true
  }

  /** Rows are placed again in their order, so that the first of equal keys stays first. */
  #grow(segment: number, rows: number): void {
    const slots = new Uint32Array(this.#slots[segment]!.length * 2)
    for (let local = 0; local < rows; local++) place(slots, this.#keys.row((segment << this.#bits) + local), local)
    this.#slots[segment] = slots
  }
}

function place(slots: Uint32Array, key: Uint32Array, local: number): void {
  let slot = mix(key) & (slots.length - 1)
  while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1)
  slots[slot] = local + 1
}

/** All words count: the first ones of time-ordered ids are nearly equal. */
function mix(key: Uint32Array): number {
  let hash = 0
  for (let at = 0; at < key.length; at++) {
    hash = Math.imul(hash ^ key[at]!, 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return hash >>> 0
}
