/** Where which 32-bit word stands: a chained hash table over typed arrays. */
import { jsonPart, type SnapshotParts } from '#runtime/api.ts'
import { integers, type Column } from './column.ts'

export interface Posting {
  owner: number
  position: number
}

const FIRST_HEADS = 1 << 10
/** Of the newest postings of a word, this many are returned: a word that so many sounds share tells nothing apart. */
const MAX_POSTINGS = 256

export class PostingTable {
  readonly #words: Column<Int32Array> = integers()
  readonly #owners: Column<Int32Array> = integers()
  readonly #positions: Column<Int32Array> = integers()
  /** By posting: the next older one of its bucket + 1. */
  #next: Uint32Array = new Uint32Array(FIRST_HEADS)
  #heads: Uint32Array = new Uint32Array(FIRST_HEADS)
  /** Look-ups that had more postings than are returned. */
  cutShort = 0

  get bytes(): number {
    return this.#words.bytes + this.#owners.bytes + this.#positions.bytes + this.#next.byteLength + this.#heads.byteLength
  }

  add(word: number, owner: number, position: number): void {
    if (this.#words.rows === this.#heads.length) this.#grow()
    const posting = this.#words.push(word)
    this.#owners.push(owner)
    this.#positions.push(position)
    this.#chain(word, posting)
  }

  find(word: number): Posting[] {
    const found: Posting[] = []
    for (let link = this.#heads[this.#bucket(word)]!; link !== 0; link = this.#next[link - 1]!) {
      if (this.#words.get(link - 1) !== (word | 0)) continue
      if (found.length === MAX_POSTINGS) {
        this.cutShort++
        break
      }
      found.push({ owner: this.#owners.get(link - 1), position: this.#positions.get(link - 1) })
    }
    return found
  }

  *parts(): Iterable<ArrayBufferView> {
    for (const column of [this.#words, this.#owners, this.#positions]) yield* column.parts()
    yield jsonPart(this.#heads.length)
    yield this.#heads
    yield this.#next.subarray(0, this.#words.rows)
  }

  /** Into an empty table. */
  async restore(parts: SnapshotParts): Promise<void> {
    for (const column of [this.#words, this.#owners, this.#positions]) await column.restore(parts)
    const heads = (await parts.json()) as number
    this.#heads = new Uint32Array(heads)
    this.#next = new Uint32Array(heads)
    await parts.into(this.#heads)
    await parts.into(this.#next.subarray(0, this.#words.rows))
  }

  #chain(word: number, posting: number): void {
    const bucket = this.#bucket(word)
    this.#next[posting] = this.#heads[bucket]!
    this.#heads[bucket] = posting + 1
  }

  #bucket(word: number): number {
    return scatter(word) & (this.#heads.length - 1)
  }

  #grow(): void {
    this.#heads = new Uint32Array(this.#heads.length * 2)
    this.#next = new Uint32Array(this.#heads.length)
    for (let posting = 0; posting < this.#words.rows; posting++) this.#chain(this.#words.get(posting), posting)
  }
}

/** Spreads words evenly (the finaliser of MurmurHash3). */
export function scatter(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
