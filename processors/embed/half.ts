/// <reference lib="es2025.float16" preserve="true" />
/** Unit vectors in half precision, little-endian: the form in which vectors travel and rest. */

/** Below this length a vector's direction is noise. */
const SHORTEST = 1e-12

/**
 * The vector at length one, rounded to the nearest half-precision numbers (ties to even). Undefined when it has no
 * direction: all zero, or not finite.
 */
export function unitHalf(vector: ArrayLike<number>): Buffer | undefined {
  let square = 0
  for (let i = 0; i < vector.length; i++) square += vector[i]! * vector[i]!
  const length = Math.sqrt(square)
  if (!(length > SHORTEST && Number.isFinite(length))) return undefined
  const halves = new Float16Array(vector.length)
  for (let i = 0; i < vector.length; i++) halves[i] = vector[i]! / length
  return Buffer.from(halves.buffer)
}

/** The direction of the mean of unit vectors; undefined when they cancel out. */
export function pooled(vectors: readonly Buffer[]): Buffer | undefined {
  const sum = new Float64Array((vectors[0]?.length ?? 0) / 2)
  for (const vector of vectors) {
    const numbers = numbersOf(vector)
    for (let i = 0; i < sum.length; i++) sum[i]! += numbers[i]!
  }
  return unitHalf(sum)
}

/** The numbers of a vector. Copied first: bytes that come off the wire need not lie on an even address. */
export function numbersOf(halves: Buffer): Float16Array {
  return new Float16Array(Uint8Array.from(halves).buffer)
}
