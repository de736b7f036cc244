/** The frames of originals that can be recognised, findable by both hashes. */
import type { SnapshotParts } from '#runtime/api.ts'
import { integers, type Column } from './column.ts'
import { distance } from './code.ts'
import { HashIndex } from './hash-index.ts'
import { CANDIDATE_DISTANCE, isNear, type Distances } from './nearness.ts'

/** Hashes of one frame, as words. */
export interface Look {
  blockhash: Uint32Array
  pdq: Uint32Array
}

export interface NearFrame extends Distances {
  /** Number of the frame in the index. */
  item: number
  /** Original that it belongs to. */
  owner: number
}

export class FrameIndex {
  readonly #blockhash: HashIndex
  readonly #pdq: HashIndex
  readonly #owners: Column<Int32Array> = integers()

  constructor(segmentBits?: number) {
    this.#blockhash = new HashIndex(segmentBits)
    this.#pdq = new HashIndex(segmentBits)
  }

  get size(): number {
    return this.#owners.rows
  }

  get bytes(): number {
    return this.#blockhash.bytes + this.#pdq.bytes + this.#owners.bytes
  }

  get scansForSkew(): number {
    return this.#blockhash.scansForSkew + this.#pdq.scansForSkew
  }

  add(look: Look, owner: number): number {
    this.#blockhash.add(look.blockhash)
    this.#pdq.add(look.pdq)
    return this.#owners.push(owner)
  }

  *parts(): Iterable<ArrayBufferView> {
    for (const part of [this.#blockhash, this.#pdq, this.#owners]) yield* part.parts()
  }

  /** Into an empty index. */
  async restore(parts: SnapshotParts): Promise<void> {
    for (const part of [this.#blockhash, this.#pdq, this.#owners]) await part.restore(parts)
  }

  /** All near frames that lie within the candidate distance by at least one hash; by item. */
  near(look: Look): NearFrame[] {
    const items = new Set<number>()
    for (const { item } of this.#pdq.search(look.pdq, CANDIDATE_DISTANCE)) items.add(item)
    for (const { item } of this.#blockhash.search(look.blockhash, CANDIDATE_DISTANCE)) items.add(item)
    return [...items].sort((a, b) => a - b)
      .map((item) => ({ item, owner: this.#owners.get(item), ...this.distances(look, item) }))
      .filter(isNear)
  }

  distances(look: Look, item: number): Distances {
    return { pdq: distance(look.pdq, this.#pdq.codeAt(item)), blockhash: distance(look.blockhash, this.#blockhash.codeAt(item)) }
  }
}
