/** All hashes of one decoded frame. Pure. */
import { blockhash } from './blockhash.ts'
import { pdq } from './pdq.ts'
import { hashPixels, type Pixels, type Size } from './pixels.ts'

export interface FrameHashes {
  pixels: Buffer
  blockhash: Buffer
  pdq: Buffer
  /** PDQ's, 0 to 100. */
  quality: number
}

export function fingerprintOf(pixels: Pixels, original: Size): FrameHashes {
  const { hash, quality } = pdq(pixels)
  return { pixels: hashPixels(pixels, original), blockhash: blockhash(pixels), pdq: hash, quality }
}
