/**
 * Which items of a segment have which value in one band. A value's bucket is the top of its multiplicative hash, and
 * each entry carries the bits below as a tag, so that a stranger in the bucket is told without touching its code.
 *
 * A growing segment chains its items; a full one sorts them by bucket, which takes two cache misses a look-up instead
 * of one an item.
 */

import type { SnapshotParts } from '#runtime/api.ts'

/** An entry is tag and item: 12 + 20 bits. */
export const MAX_ITEM_BITS = 20
const TAG_BITS = 32 - MAX_ITEM_BITS
const ITEM_MASK = (1 << MAX_ITEM_BITS) - 1
/** Buckets of four on average: fewer heads, less memory. */
const ITEMS_PER_BUCKET_BITS = 2

const hashOf = (value: number): number => Math.imul(value, 0x9e3779b1) >>> 0

export interface Buckets {
  readonly bytes: number
  /** Adds to `found` every item that may have this value; returns the entries looked at, at most `budget`. */
  collect(value: number, budget: number, found: number[]): number
  /** @param size items that were added */
  parts(size: number): Iterable<ArrayBufferView>
}

interface Shape {
  heads: number
  headShift: number
  tagShift: number
}

function shapeFor(itemBits: number): Shape {
  const headBits = Math.max(1, itemBits - ITEMS_PER_BUCKET_BITS)
  return { heads: 1 << headBits, headShift: 32 - headBits, tagShift: Math.max(0, 32 - headBits - TAG_BITS) }
}

/** The tag in its place above the item. */
function tagOf(hash: number, { tagShift }: Shape): number {
  return ((hash >>> tagShift) << MAX_ITEM_BITS) >>> 0
}

function hasTag(entry: number, tag: number): boolean {
  return (entry & ~ITEM_MASK) >>> 0 === tag
}

export class ChainedBuckets implements Buckets {
  readonly #shape: Shape
  /** By bucket: the newest item + 1; 0 is none. */
  readonly #heads: Uint32Array
  /** By item: tag, and how many items back the next one of the bucket is; 0 ends the chain. */
  readonly #links: Uint32Array

  constructor(itemBits: number) {
    this.#shape = shapeFor(itemBits)
    this.#heads = new Uint32Array(this.#shape.heads)
    this.#links = new Uint32Array(1 << itemBits)
  }

  get bytes(): number {
    return this.#heads.byteLength + this.#links.byteLength
  }

  /** @param size items that were added */
  static async restore(itemBits: number, size: number, parts: SnapshotParts): Promise<ChainedBuckets> {
    const buckets = new ChainedBuckets(itemBits)
    await parts.into(buckets.#heads)
    await parts.into(buckets.#links.subarray(0, size))
    return buckets
  }

  parts(size: number): ArrayBufferView[] {
    return [this.#heads, this.#links.subarray(0, size)]
  }

  add(item: number, value: number): void {
    const hash = hashOf(value)
    const bucket = hash >>> this.#shape.headShift
    const newest = this.#heads[bucket]!
    this.#links[item] = tagOf(hash, this.#shape) | (newest === 0 ? 0 : item + 1 - newest)
    this.#heads[bucket] = item + 1
  }

  collect(value: number, budget: number, found: number[]): number {
    const hash = hashOf(value)
    const tag = tagOf(hash, this.#shape)
    let item = this.#heads[hash >>> this.#shape.headShift]! - 1
    let steps = 0
    while (item >= 0 && steps < budget) {
      const link = this.#links[item]!
      if (hasTag(link, tag)) found.push(item)
      steps++
      const back = link & ITEM_MASK
      item = back === 0 ? -1 : item - back
    }
    return steps
  }
}

export class SortedBuckets implements Buckets {
  readonly #shape: Shape
  /** By bucket: where its entries start; they end where the next one's start. */
  readonly #starts: Uint32Array
  /** Tag and item. */
  readonly #entries: Uint32Array

  private constructor(shape: Shape, starts: Uint32Array, entries: Uint32Array) {
    this.#shape = shape
    this.#starts = starts
    this.#entries = entries
  }

  /** @param values of item 0, 1, ... */
  static sort(itemBits: number, values: Uint32Array): SortedBuckets {
    const shape = shapeFor(itemBits)
    const starts = startsOf(values, shape)
    const entries = new Uint32Array(values.length)
    const free = starts.slice()
    for (let item = 0; item < values.length; item++) {
      const hash = hashOf(values[item]!)
      entries[free[hash >>> shape.headShift]!++] = tagOf(hash, shape) | item
    }
    return new SortedBuckets(shape, starts, entries)
  }

  static async restore(itemBits: number, size: number, parts: SnapshotParts): Promise<SortedBuckets> {
    const shape = shapeFor(itemBits)
    const [starts, entries] = [new Uint32Array(shape.heads + 1), new Uint32Array(size)]
    await parts.into(starts)
    await parts.into(entries)
    return new SortedBuckets(shape, starts, entries)
  }

  parts(): ArrayBufferView[] {
    return [this.#starts, this.#entries]
  }

  get bytes(): number {
    return this.#starts.byteLength + this.#entries.byteLength
  }

  collect(value: number, budget: number, found: number[]): number {
    const hash = hashOf(value)
    const tag = tagOf(hash, this.#shape)
    const bucket = hash >>> this.#shape.headShift
    const from = this.#starts[bucket]!
    const to = Math.min(this.#starts[bucket + 1]!, from + budget)
    for (let at = from; at < to; at++) {
      const entry = this.#entries[at]!
      if (hasTag(entry, tag)) found.push(entry & ITEM_MASK)
    }
    return to - from
  }
}

/** Counting sort, first pass. */
function startsOf(values: Uint32Array, { heads, headShift }: Shape): Uint32Array {
  const starts = new Uint32Array(heads + 1)
  for (let item = 0; item < values.length; item++) starts[(hashOf(values[item]!) >>> headShift) + 1]!++
  for (let bucket = 0; bucket < heads; bucket++) starts[bucket + 1]! += starts[bucket]!
  return starts
}
