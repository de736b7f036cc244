/// <reference lib="es2025.float16" preserve="true" />
/** Vectors to be searched, and what to search them for. */

export const DIMENSIONS = 512
export const VECTOR_BYTES = DIMENSIONS * 2

export interface VectorSet {
  name: string
  /** Unit vectors in half precision, little-endian, one after another. */
  vectors: Buffer
  /** Of no row of the set. */
  queries: Query[]
}

export interface Query {
  /** What makes it easy or hard, such as a photo of which other crops are stored. */
  kind: string
  vector: Buffer
}

export function countOf({ vectors }: Pick<VectorSet, 'vectors'>): number {
  return vectors.length / VECTOR_BYTES
}

/** Shares memory with the set. */
export function vectorAt(vectors: Buffer, row: number): Buffer {
  return vectors.subarray(row * VECTOR_BYTES, (row + 1) * VECTOR_BYTES)
}

/** Copied first: bytes need not lie on an even address. */
export function floatsOf(halves: Buffer): Float32Array {
  return Float32Array.from(new Float16Array(Uint8Array.from(halves).buffer))
}

/**
 * The sign of each number: 1 above the centre's, else 0; the first number in the highest bit, as `binary_quantize` of
 * pgvector does around zero.
 */
export function signsOf(halves: Buffer, centre?: Float32Array): Buffer {
  const numbers = floatsOf(halves)
  const bits = Buffer.alloc(numbers.length / 8)
  numbers.forEach((number, i) => {
    if (number > (centre?.[i] ?? 0)) bits[i >> 3]! |= 0x80 >> (i & 7)
  })
  return bits
}

/** The mean of a sample spread evenly over the set. */
export function centreOf(vectors: Buffer, sample = 5_000): Float32Array {
  const count = countOf({ vectors })
  const taken = Math.min(sample, count)
  const sum = new Float64Array(DIMENSIONS)
  for (let n = 0; n < taken; n++) {
    floatsOf(vectorAt(vectors, Math.floor((n * count) / taken))).forEach((number, i) => (sum[i]! += number))
  }
  return Float32Array.from(sum, (number) => number / taken)
}
