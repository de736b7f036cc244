/**
 * How 256 bits are cut into bands for multi-index hashing, and how far each band is searched.
 *
 * Pigeonhole with uneven radii (Qin et al.: "GPH: Similarity Search in Hamming Space", 2018): when a code differs in at
 * most d bits and the radii r of the bands satisfy sum(r + 1) > d, at least one band differs in at most its r bits.
 */
import { CODE_BITS, CODE_WORDS } from './code.ts'

/** 11 bands find d <= 10 without flipping any bit; each has 23 or 24 bits. */
export const BANDS = 11

/** Band b holds bits b, b + 11, b + 22, ...: neighbouring bits of a picture's hash agree too often to share a band. */
const WIDTHS = Uint8Array.from({ length: BANDS }, (_, band) => Math.ceil((CODE_BITS - band) / BANDS))

/** Each band's bits, as the low bits of a word. */
export function bandsOf(code: Uint32Array, start = 0): Uint32Array {
  const bands = new Uint32Array(BANDS)
  let band = 0
  for (let word = 0; word < CODE_WORDS; word++) {
    const bits = code[start + word]!
    for (let shift = 31; shift >= 0; shift--) {
      bands[band] = (bands[band]! << 1) | ((bits >>> shift) & 1)
      if (++band === BANDS) band = 0
    }
  }
  return bands
}

/** One band's bits alone. */
export function bandOf(band: number, code: Uint32Array, start = 0): number {
  let value = 0
  for (let bit = band; bit < CODE_BITS; bit += BANDS) {
    value = (value << 1) | ((code[start + (bit >>> 5)]! >>> (31 - (bit & 31))) & 1)
  }
  return value
}

/** Radius of every band for distance d: sum(r + 1) = d + 1, the larger ones to the narrower bands; -1 means that a band is not searched. */
export function radiiFor(limit: number): number[] {
  const [each, rest] = [Math.floor((limit + 1) / BANDS), (limit + 1) % BANDS]
  return Array.from({ length: BANDS }, (_, band) => each + (band >= BANDS - rest ? 1 : 0) - 1)
}

/** What to look up: values of band b are `values` from `starts[b]` to `starts[b + 1]`. */
export interface Probes {
  values: Uint32Array
  starts: Uint32Array
}

/** Every value of every band within its radius, each once. */
export function probesFor(bands: Uint32Array, radii: number[]): Probes {
  const starts = new Uint32Array(BANDS + 1)
  for (let band = 0; band < BANDS; band++) starts[band + 1] = starts[band]! + countWithin(WIDTHS[band]!, radii[band]!)
  const values = new Uint32Array(starts[BANDS]!)
  for (let band = 0; band < BANDS; band++) {
    if (radii[band]! >= 0) flip({ values, at: starts[band]! }, bands[band]!, radii[band]!, WIDTHS[band]!)
  }
  return { values, starts }
}

/** Values of a band within the radius. */
function countWithin(width: number, radius: number): number {
  let [sum, ways] = [0, 1]
  for (let flips = 0; flips <= radius; flips++) {
    sum += ways
    ways = (ways * (width - flips)) / (flips + 1)
  }
  return sum
}

/** Flips bits below `below` only, so that each combination comes once. */
function flip(into: { values: Uint32Array; at: number }, value: number, flips: number, below: number): void {
  into.values[into.at++] = value
  if (flips === 0) return
  for (let bit = 0; bit < below; bit++) flip(into, value ^ (1 << bit), flips - 1, bit)
}
