/**
 * PDQ, a 256-bit hash of a picture's low frequencies, by Meta's description ("The TMK+PDQF Video-Hashing Algorithm and
 * the PDQ Image-Hashing Algorithm", 2019; facebook/ThreatExchange, folder pdq): luminance, tent filter, 64 x 64 samples,
 * the 16 x 16 lowest non-constant terms of their cosine transform, each set where it exceeds the median.
 */
import type { Pixels } from './pixels.ts'
import { shrink, type Plane } from './tent-filter.ts'

const SIDE = 64
const TERMS = 16
/** Below this many pixels a side PDQ says nothing: no bits, quality 0. */
const SMALLEST = 5
/** Meta's scale for the sum of gradients: 100 is an ordinary photograph. */
const GRADIENTS_PER_POINT = 90

/** Row i: the cosine of frequency i + 1 at 64 sample centres. The constant term is left out. */
const COSINES = Float32Array.from({ length: TERMS * SIDE }, (_, at) => {
  const frequency = Math.floor(at / SIDE) + 1
  return Math.sqrt(2 / SIDE) * Math.cos((Math.PI / (2 * SIDE)) * frequency * (2 * (at % SIDE) + 1))
})

export interface Pdq {
  /** 32 bytes, the last bit of the last byte first, as Meta's tools write it. */
  hash: Buffer
  /** 0 to 100 by the gradients of the reduced picture; Meta distrusts hashes below 50. */
  quality: number
}

export function pdq(pixels: Pixels): Pdq {
  if (Math.min(pixels.width, pixels.height) < SMALLEST) return { hash: Buffer.alloc(32), quality: 0 }
  const reduced = reduce(luminance(pixels))
  return { hash: bitsAboveMedian(lowFrequencies(reduced)), quality: qualityOf(reduced) }
}

/** 64 x 64 samples; a plane of that size already is taken as it is. */
function reduce(plane: Plane): Float32Array {
  return plane.width === SIDE && plane.height === SIDE ? plane.values : shrink(plane, SIDE)
}

function luminance({ width, height, rgb }: Pixels): Plane {
  const values = new Float32Array(width * height)
  for (let at = 0, from = 0; at < values.length; at++, from += 3) {
    values[at] = 0.299 * rgb[from]! + 0.587 * rgb[from + 1]! + 0.114 * rgb[from + 2]!
  }
  return { width, height, values }
}

/** Steps between neighbours in whole per cent of full scale: faint texture does not count. */
function qualityOf(reduced: Float32Array): number {
  let sum = 0
  for (let at = 0; at < reduced.length; at++) {
    const here = reduced[at]!
    if (at + SIDE < reduced.length) sum += Math.abs(Math.trunc(((here - reduced[at + SIDE]!) * 100) / 255))
    if (at % SIDE < SIDE - 1) sum += Math.abs(Math.trunc(((here - reduced[at + 1]!) * 100) / 255))
  }
  return Math.min(100, Math.floor(sum / GRADIENTS_PER_POINT))
}

/** COSINES x samples x transposed COSINES. */
function lowFrequencies(reduced: Float32Array): Float32Array {
  const byRows = new Float32Array(TERMS * SIDE)
  for (let i = 0; i < TERMS; i++) {
    for (let j = 0; j < SIDE; j++) {
      let sum = 0
      for (let k = 0; k < SIDE; k++) sum += COSINES[i * SIDE + k]! * reduced[k * SIDE + j]!
      byRows[i * SIDE + j] = sum
    }
  }
  const terms = new Float32Array(TERMS * TERMS)
  for (let i = 0; i < TERMS; i++) {
    for (let j = 0; j < TERMS; j++) {
      let sum = 0
      for (let k = 0; k < SIDE; k++) sum += byRows[i * SIDE + k]! * COSINES[j * SIDE + k]!
      terms[i * TERMS + j] = sum
    }
  }
  return terms
}

/** The median is the lower of the two middle values, so half of the bits are set unless values repeat. */
function bitsAboveMedian(terms: Float32Array): Buffer {
  const median = Float32Array.from(terms).sort()[terms.length / 2 - 1]!
  const hash = Buffer.alloc(terms.length / 8)
  for (let bit = 0; bit < terms.length; bit++) {
    if (terms[bit]! > median) hash[hash.length - 1 - (bit >> 3)]! |= 1 << (bit & 7)
  }
  return hash
}
