/** Up to 2^20 codes, and where to find them by their bands. */
import { jsonPart, type SnapshotParts } from '#runtime/api.ts'
import { BANDS, bandOf, bandsOf, probesFor, radiiFor, type Probes } from './bands.ts'
import { ChainedBuckets, SortedBuckets, type Buckets } from './buckets.ts'
import { CODE_WORDS, distanceWithin, popcount } from './code.ts'

export interface Query {
  code: Uint32Array
  limit: number
  bands: Uint32Array
  /** Of each band. */
  radii: number[]
  probes: Probes
}

export function queryFor(code: Uint32Array, limit: number): Query {
  const [bands, radii] = [bandsOf(code), radiiFor(limit)]
  return { code, limit, bands, radii, probes: probesFor(bands, radii) }
}

export interface Match {
  item: number
  distance: number
}

/** An entry looked at misses the cache, a scanned code does not: beyond size / 16 entries, scanning is cheaper. */
const CODES_PER_ENTRY = 16

export class Segment {
  readonly #bits: number
  readonly #codes: Uint32Array
  /** One for each band; chained ones first, sorted ones after `settle`. */
  readonly #bands: Buckets[]
  #sorted = 0
  size = 0

  constructor(bits: number, bands: Buckets[] = Array.from({ length: BANDS }, () => new ChainedBuckets(bits))) {
    this.#bits = bits
    this.#codes = new Uint32Array(CODE_WORDS << bits)
    this.#bands = bands
  }

  static async restore(bits: number, parts: SnapshotParts): Promise<Segment> {
    const [size, sorted] = (await parts.json()) as [number, number]
    const bands: Buckets[] = []
    const segment = new Segment(bits, bands)
    segment.size = size
    segment.#sorted = sorted
    await parts.into(segment.#codes.subarray(0, size * CODE_WORDS))
    for (let band = 0; band < BANDS; band++) bands.push(await (band < sorted ? SortedBuckets : ChainedBuckets).restore(bits, size, parts))
    return segment
  }

  *parts(): Iterable<ArrayBufferView> {
    yield jsonPart([this.size, this.#sorted])
    yield this.#codes.subarray(0, this.size * CODE_WORDS)
    for (const band of this.#bands) yield* band.parts(this.size)
  }

  get bytes(): number {
    return this.#codes.byteLength + this.#bands.reduce((sum, band) => sum + band.bytes, 0)
  }

  /** A view. */
  codeAt(item: number): Uint32Array {
    return this.#codes.subarray(item * CODE_WORDS, (item + 1) * CODE_WORDS)
  }

  add(code: Uint32Array): void {
    const item = this.size++
    this.#codes.set(code, item * CODE_WORDS)
    bandsOf(code).forEach((value, band) => (this.#bands[band] as ChainedBuckets).add(item, value))
  }

  /** For a full segment: sorts one band, a tenth of a second's work, so that no decision waits for all of them. */
  settle(): void {
    if (this.#sorted === BANDS) return
    const band = this.#sorted++
    const values = new Uint32Array(this.size)
    for (let item = 0; item < this.size; item++) values[item] = bandOf(band, this.#codes, item * CODE_WORDS)
    this.#bands[band] = SortedBuckets.sort(this.#bits, values)
  }

  /** Every match once, by the bands; undefined when that became dearer than a scan. */
  walk(query: Query): Match[] | undefined {
    const matches: Match[] = []
    const { values, starts } = query.probes
    let budget = Math.ceil(this.size / CODES_PER_ENTRY)
    const items: number[] = []
    for (let band = 0; band < BANDS; band++) {
      const buckets = this.#bands[band]!
      for (let at = starts[band]!; at < starts[band + 1]!; at++) {
        budget -= buckets.collect(values[at]!, budget, items)
        while (items.length > 0) this.#check(items.pop()!, band, values[at]!, query, matches)
        if (budget === 0) return undefined
      }
    }
    return matches
  }

  scan(query: Query): Match[] {
    const found: Match[] = []
    for (let item = 0; item < this.size; item++) {
      const distance = this.#distanceTo(item, query)
      if (distance <= query.limit) found.push({ item, distance })
    }
    return found
  }

  #check(item: number, band: number, value: number, query: Query, matches: Match[]): void {
    const distance = this.#distanceTo(item, query)
    if (distance <= query.limit && this.#isFirstSight(item, band, value, query)) matches.push({ item, distance })
  }

  #distanceTo(item: number, { code, limit }: Query): number {
    return distanceWithin(code, this.#codes, item * CODE_WORDS, limit)
  }

  /** A match is near in several bands, and buckets hold several values: it is reported by its first band, at its own value. */
  #isFirstSight(item: number, band: number, value: number, query: Query): boolean {
    const own = bandsOf(this.#codes, item * CODE_WORDS)
    if (own[band] !== value) return false
    for (let earlier = 0; earlier < band; earlier++) {
      if (popcount(own[earlier]! ^ query.bands[earlier]!) <= query.radii[earlier]!) return false
    }
    return true
  }
}
