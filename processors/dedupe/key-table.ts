/** Fixed-width keys and the order in which they came: an open-addressed hash table over typed arrays. */
import { words, type Column } from './column.ts'

const FIRST_SLOTS = 1 << 10
/** Above three quarters, runs of full slots grow long. */
const FULLEST = 0.75

export class KeyTable {
  readonly #keys: Column<Uint32Array>
  readonly #width: number
  /** Row + 1; 0 is empty. */
  #slots = new Uint32Array(FIRST_SLOTS)

  /** @param width 32-bit words in a key */
  constructor(width: number) {
    this.#width = width
    this.#keys = words(width)
  }

  get size(): number {
    return this.#keys.rows
  }

  get bytes(): number {
    return this.#keys.bytes + this.#slots.byteLength
  }

  /** The row of the first equal key; undefined when there is none. */
  find(key: Uint32Array): number | undefined {
    const mask = this.#slots.length - 1
    for (let slot = mix(key) & mask; ; slot = (slot + 1) & mask) {
      const taken = this.#slots[slot]!
      if (taken === 0) return undefined
      if (this.#holds(taken - 1, key)) return taken - 1
    }
  }

  /** Adds a row even when an equal key is there, so that rows count calls; `find` keeps returning the first. */
  add(key: Uint32Array): number {
    if (this.size + 1 > this.#slots.length * FULLEST) this.#grow()
    const row = this.#keys.pushRow(key)
    this.#place(key, row)
    return row
  }

  keyAt(row: number): Uint32Array {
    return this.#keys.row(row)
  }

  #holds(row: number, key: Uint32Array): boolean {
    const own = this.#keys.row(row)
    for (let at = 0; at < this.#width; at++) if (own[at] !== key[at]) return false
    return true
  }

  #place(key: Uint32Array, row: number): void {
    const mask = this.#slots.length - 1
    let slot = mix(key) & mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
    this.#slots[slot] = row + 1
  }

  /** Rows are placed again in their order, so that the first of equal keys stays first. */
  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2)
    for (let row = 0; row < this.size; row++) this.#place(this.#keys.row(row), row)
  }
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
