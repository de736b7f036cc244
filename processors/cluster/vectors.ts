/// <reference lib="es2025.float16" preserve="true" />
/** Vectors as they come off the wire. */

/** Half-precision, little-endian numbers at length one, in single precision; undefined when they have no direction. */
export function unitVector(halves: Buffer): Float32Array | undefined {
  const numbers = new Float16Array(Uint8Array.from(halves).buffer)
  let square = 0
  for (const number of numbers) square += number * number
  const length = Math.sqrt(square)
  if (!(length > 1e-6 && Number.isFinite(length))) return undefined
  return Float32Array.from(numbers, (number) => number / length)
}
