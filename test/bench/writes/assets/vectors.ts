/// <reference lib="es2025.float16" preserve="true" />
/** Vectors as a model makes them: 512 normally distributed numbers of length about one, in half precision. */
import { Draw, mix } from './draw.ts'

export const DIMENSIONS = 512

/** 4 million numbers (8 MiB) from which each vector is a window: a zstd batch of 1 MiB rarely sees one part twice. */
const POOLED = 4 << 20

let pool: Buffer | undefined

/** The vector of asset `n`; shares memory with others, and is not to be written to. Little-endian. */
export function vectorOf(n: number): Buffer {
  pool ??= gaussianHalves()
  const start = mix(n) % (POOLED - DIMENSIONS)
  return pool.subarray(start * 2, (start + DIMENSIONS) * 2)
}

/** Normal numbers by Box and Muller, of variance 1 / 512, so that 512 of them have a length near one. */
function gaussianHalves(): Buffer {
  const draw = new Draw().seed(1)
  const halves = new Float16Array(POOLED)
  for (let at = 0; at < POOLED; at += 2) {
    const radius = Math.sqrt(-2 * Math.log(draw.word() / 0x1_0000_0000)) / Math.sqrt(DIMENSIONS)
    const angle = (draw.word() / 0x1_0000_0000) * 2 * Math.PI
    halves[at] = radius * Math.cos(angle)
    halves[at + 1] = radius * Math.sin(angle)
  }
  return Buffer.from(halves.buffer)
}
