/**
 * One bit a number: enough to estimate a cosine and to know how far the estimate can be off.
 *
 * The method is RaBitQ (Gao and Long, SIGMOD 2024). A vector is taken relative to a centre m, rotated, and its signs are
 * kept: code s = sign(R(x - m)) / sqrt(B), a unit vector. With c = cos(x - m, s), known exactly for each vector,
 *
 *   cos(q - m, x - m)  =  cos(q - m, s) / c,   off by at most   e * sqrt(1 - c^2) / c / sqrt(B - 1)
 *
 * except with the probability that a normal variable exceeds e, whatever the data, since the rotation is random. Far
 * vectors are ruled out by 64 bytes instead of 2,048; what remains is compared exactly. A decision is wrong only when the
 * bound of the very nearest vector fails: at e = 5 once in three million decisions, and then the next nearest is taken.
 * Even that is the same at every replay, since nothing here depends on chance or time.
 */
import { PLANES } from './kernels.ts'
import { Rotation } from './rotation.ts'

const SAFETY = 5
const LEVELS = 2 ** PLANES - 1

/** What is kept of a vector besides its bits. */
export const FACTORS = 4
const CENTRE = 0, SLOPE = 1, MARGIN = 2, ONES = 3

export interface PreparedQuery {
  /** Upper bound of the cosine with a coded vector, but for one in three million. */
  bound(bitSum: number, factors: Float32Array, at: number): number
}

export class Coder {
  readonly codeBytes: number
  readonly centre: Float32Array
  readonly #centreSquare: number
  readonly #rotation: Rotation
  readonly #rotated: Float32Array

  /** Any centre gives right bounds; the nearer it is to the vectors' mean, the tighter they are. */
  constructor(centre: Float32Array) {
    this.centre = centre
    this.#centreSquare = dot(centre, centre)
    this.#rotation = new Rotation(centre.length)
    this.#rotated = new Float32Array(this.#rotation.size)
    this.codeBytes = codeBytesFor(centre.length)
  }

  /** Writes the vector's bits to `code`, which is all zero, and its factors to `factors` from `at` on. */
  encode(vector: Float32Array, code: Uint8Array, factors: Float32Array, at: number): void {
    const rotated = this.#rotate(vector)
    let ones = 0
    let absolute = 0
    for (let i = 0; i < rotated.length; i++) {
      absolute += Math.abs(rotated[i]!)
      if (rotated[i]! < 0) continue
      ones++
      code[i >> 3]! |= 1 << (i & 7)
    }
    const length = Math.sqrt(dot(rotated, rotated))
    // At the centre itself there is no direction: the slope is nothing, and the bound that of a vector of no length.
    const c = length > 0 ? absolute / (Math.sqrt(rotated.length) * length) : 1
    factors[at + CENTRE] = dot(vector, this.centre) - this.#centreSquare
    factors[at + SLOPE] = length / c
    factors[at + MARGIN] = (SAFETY * length * Math.sqrt(Math.max(0, 1 - c * c))) / c / Math.sqrt(rotated.length - 1)
    factors[at + ONES] = ones
  }

  /** Writes the query's numbers, four bits each, as bit planes to `planes`. */
  prepare(query: Float32Array, planes: Uint8Array): PreparedQuery {
    const rotated = this.#rotate(query)
    const root = Math.sqrt(rotated.length)
    const { lowest, step, sum } = writePlanes(rotated, planes, this.codeBytes)
    const length = Math.sqrt(dot(rotated, rotated))
    const atCentre = dot(query, this.centre)
    // Rounding to 16 levels adds an error of its own: uniform in each number, so step / sqrt(12) in any fixed direction.
    const rounding = (SAFETY * step) / Math.sqrt(12)
    return {
      bound(bitSum, factors, at) {
        const along = (2 * (lowest * factors[at + ONES]! + step * bitSum) - sum) / root
        return atCentre + factors[at + CENTRE]! + factors[at + SLOPE]! * (along + rounding) + length * factors[at + MARGIN]!
      },
    }
  }

  #rotate(vector: Float32Array): Float32Array {
    this.#rotated.fill(0)
    for (let i = 0; i < vector.length; i++) this.#rotated[i] = vector[i]! - this.centre[i]!
    this.#rotation.apply(this.#rotated)
    return this.#rotated
  }
}

/** Length of the code of a vector of so many numbers. */
export function codeBytesFor(dimensions: number): number {
  return new Rotation(dimensions).size / 8
}

function writePlanes(rotated: Float32Array, planes: Uint8Array, codeBytes: number): { lowest: number; step: number; sum: number } {
  planes.fill(0)
  let [lowest, highest, sum] = [Infinity, -Infinity, 0]
  for (const number of rotated) {
    lowest = Math.min(lowest, number)
    highest = Math.max(highest, number)
    sum += number
  }
  const step = (highest - lowest) / LEVELS
  for (let i = 0; i < rotated.length; i++) {
    const level = step > 0 ? Math.round((rotated[i]! - lowest) / step) : 0
    for (let plane = 0; plane < PLANES; plane++) {
      if (level & (1 << plane)) planes[plane * codeBytes + (i >> 3)]! |= 1 << (i & 7)
    }
  }
  return { lowest, step, sum }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}
