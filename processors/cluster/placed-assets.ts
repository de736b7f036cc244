/** Where each asset was placed: an open-addressing table of 26 bytes a slot that doubles at 70 %. */
import { createHash } from 'node:crypto'
import { jsonPart, type SnapshotParts } from '#runtime/api.ts'

export interface Placed {
  cluster: number
  similarity: number
  founded: boolean
}

const KEY_WORDS = 4
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export class PlacedAssets {
  #size = 0
  #table = new Table(1 << 10)

  get size(): number {
    return this.#size
  }

  /** `model` is a small number: an asset may be placed once for each model. */
  get(assetId: string, model: number): Placed | undefined {
    return this.#table.read(this.#table.slotOf(keyOf(assetId), model))
  }

  *parts(): Iterable<ArrayBufferView> {
    yield jsonPart({ size: this.#size, capacity: this.#table.capacity })
    yield* this.#table.parts()
  }

  /** Into an empty table. */
  async restore(parts: SnapshotParts): Promise<void> {
    const { size, capacity } = (await parts.json()) as { size: number; capacity: number }
    this.#table = new Table(capacity)
    this.#size = size
    for (const cells of this.#table.parts()) await parts.into(cells)
  }

  /** Replaces what was there for this asset and model. */
  set(assetId: string, model: number, placed: Placed): void {
    if (this.#size >= this.#table.capacity * 0.7) this.#table = this.#table.doubled()
    const key = keyOf(assetId)
    const slot = this.#table.slotOf(key, model)
    if (this.#table.isFree(slot)) this.#size++
    this.#table.write(slot, key, model, placed)
  }
}

/** Slots in one part of a snapshot. */
const SLOTS_PER_PART = 1 << 16

class Table {
  readonly capacity: number
  readonly #keys: Uint32Array
  /** From 1; 0 marks a free slot. */
  readonly #clusters: Int32Array
  readonly #similarities: Float32Array
  /** Model number, and whether the asset founded its cluster in the lowest bit. */
  readonly #models: Uint16Array

  constructor(capacity: number) {
    this.capacity = capacity
    this.#keys = new Uint32Array(capacity * KEY_WORDS)
    this.#clusters = new Int32Array(capacity)
    this.#similarities = new Float32Array(capacity)
    this.#models = new Uint16Array(capacity)
  }

  /** Every array, in slices. */
  *parts(): Iterable<ArrayBufferView> {
    for (const [cells, width] of [[this.#keys, KEY_WORDS], [this.#clusters, 1], [this.#similarities, 1], [this.#models, 1]] as const) {
      for (let slot = 0; slot < this.capacity; slot += SLOTS_PER_PART) yield cells.subarray(slot * width, (slot + SLOTS_PER_PART) * width)
    }
  }

  isFree(slot: number): boolean {
    return this.#clusters[slot] === 0
  }

  /** The key's slot, or the free one where it would be. */
  slotOf(key: Uint32Array, model: number): number {
    let slot = hash(key, model) & (this.capacity - 1)
    while (!this.isFree(slot) && !this.#holds(slot, key, model)) slot = (slot + 1) & (this.capacity - 1)
    return slot
  }

  read(slot: number): Placed | undefined {
    if (this.isFree(slot)) return undefined
    return { cluster: this.#clusters[slot]!, similarity: this.#similarities[slot]!, founded: (this.#models[slot]! & 1) === 1 }
  }

  write(slot: number, key: Uint32Array, model: number, { cluster, similarity, founded }: Placed): void {
    this.#keys.set(key, slot * KEY_WORDS)
    this.#clusters[slot] = cluster
    this.#similarities[slot] = similarity
    this.#models[slot] = (model << 1) | (founded ? 1 : 0)
  }

  doubled(): Table {
    const larger = new Table(this.capacity * 2)
    for (let slot = 0; slot < this.capacity; slot++) {
      const placed = this.read(slot)
      if (placed === undefined) continue
      const key = this.#keys.subarray(slot * KEY_WORDS, (slot + 1) * KEY_WORDS)
      const model = this.#models[slot]! >> 1
      larger.write(larger.slotOf(key, model), key, model, placed)
    }
    return larger
  }

  #holds(slot: number, key: Uint32Array, model: number): boolean {
    const at = slot * KEY_WORDS
    return this.#models[slot]! >> 1 === model && key.every((word, i) => this.#keys[at + i] === word)
  }
}

/** A UUID is its own 16 bytes; any other text is the first 16 of its SHA-256. */
function keyOf(assetId: string): Uint32Array {
  const bytes = UUID.test(assetId) ? Buffer.from(assetId.replaceAll('-', ''), 'hex') : createHash('sha256').update(assetId).digest()
  return Uint32Array.from({ length: KEY_WORDS }, (_, i) => bytes.readUInt32LE(i * 4))
}

/** The last words of a UUIDv7 are random; the multipliers are those of MurmurHash3's finaliser. */
function hash(key: Uint32Array, model: number): number {
  let mixed = key[3]! ^ Math.imul(key[2]!, 0x85ebca6b) ^ Math.imul(key[1]! + model, 0xc2b2ae35) ^ key[0]!
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  return (mixed ^ (mixed >>> 13)) >>> 0
}
