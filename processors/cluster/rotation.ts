/**
 * A fixed random rotation, cheap to apply: three rounds of random signs and a Walsh-Hadamard transform
 * (Ailon and Chazelle 2009; FALCONN uses three rounds as well). Numbers of a rotated vector are about equally large
 * whatever the vector was, and that is what makes its signs a good code.
 */
const ROUNDS = 3

export class Rotation {
  /** Numbers of a rotated vector: the power of two that holds the vector, at least 128 (a code is whole 16-byte words). */
  readonly size: number
  readonly #signs: Float32Array[]

  constructor(dimensions: number) {
    this.size = Math.max(128, 2 ** Math.ceil(Math.log2(dimensions)))
    const next = signSource()
    this.#signs = Array.from({ length: ROUNDS }, () => Float32Array.from({ length: this.size }, next))
  }

  /** In place, keeping the length; `vector` has `size` numbers. */
  apply(vector: Float32Array): void {
    const scale = 1 / Math.sqrt(this.size)
    for (const signs of this.#signs) {
      for (let i = 0; i < vector.length; i++) vector[i]! *= signs[i]! * scale
      hadamard(vector)
    }
  }
}

function hadamard(vector: Float32Array): void {
  for (let half = 1; half < vector.length; half *= 2) {
    for (let start = 0; start < vector.length; start += 2 * half) {
      for (let i = start; i < start + half; i++) {
        const a = vector[i]!
        const b = vector[i + half]!
        vector[i] = a + b
        vector[i + half] = a - b
      }
    }
  }
}

/** 1 or -1, from a fixed xorshift sequence (Marsaglia 2003): the same everywhere and always. */
function signSource(): () => number {
  let state = 0x9e3779b9
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state & 0x10000 ? 1 : -1
  }
}
