/**
 * Exact search of 256-bit hashes within a Hamming distance, in memory (Norouzi, Punjani, Fleet: "Fast Exact Search in
 * Hamming Space with Multi-Index Hashing", 2014). Recall is 1.0 by the pigeonhole argument in `bands.ts`; a property
 * test compares it with brute force.
 *
 * 32 B a code + 44 B of entries + 11 B of heads = 87 B a code: 530 MB for 6.1 million.
 */
import { jsonPart, type SnapshotParts } from '#runtime/api.ts'
import { MAX_ITEM_BITS } from './buckets.ts'
import { queryFor, Segment, type Match } from './segment.ts'

/** Below this many items a look-up, scanning is as fast: a look-up misses the cache and a scan does not. */
const ITEMS_PER_PROBE = 64

export class HashIndex {
  readonly #segments: Segment[] = []
  readonly #bits: number
  #size = 0
  /** Segments that were scanned because the data are skewed and buckets long. */
  scansForSkew = 0

  /** @param segmentBits log2 of the codes in a segment, at most 20; smaller in tests only */
  constructor(segmentBits = MAX_ITEM_BITS) {
    this.#bits = segmentBits
  }

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }

  /** The new item's number, from 0 upwards. The code is copied. */
  add(code: Uint32Array): number {
    if (this.#size >>> this.#bits === this.#segments.length) this.#segments.push(new Segment(this.#bits))
    this.#segments.at(-2)?.settle()
    this.#segments[this.#size >>> this.#bits]!.add(code)
    return this.#size++
  }

  *parts(): Iterable<ArrayBufferView> {
    yield jsonPart(this.#segments.length)
    for (const segment of this.#segments) yield* segment.parts()
  }

  /** Into an empty index. */
  async restore(parts: SnapshotParts): Promise<void> {
    for (let segments = (await parts.json()) as number; segments > 0; segments--) {
      const segment = await Segment.restore(this.#bits, parts)
      this.#segments.push(segment)
      this.#size += segment.size
    }
  }

  /** A view of an item's code. */
  codeAt(item: number): Uint32Array {
    return this.#segments[item >>> this.#bits]!.codeAt(item & ((1 << this.#bits) - 1))
  }

  /** Every item within `limit` of the code, each once, in no order. */
  search(code: Uint32Array, limit: number): Match[] {
    const query = queryFor(code, limit)
    const fewest = query.probes.values.length * ITEMS_PER_PROBE
    return this.#segments.flatMap((segment, number) => {
      let found = segment.size > fewest ? segment.walk(query) : segment.scan(query)
      if (!found) {
        this.scansForSkew++
        found = segment.scan(query)
      }
      return found.map(({ item, distance }) => ({ item: (number << this.#bits) + item, distance }))
    })
  }
}
