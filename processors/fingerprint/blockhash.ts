/** Blockhash-256 by blockhash-core's precise method (Bian Yang, Fan Gu, Xiamu Niu: "Block Mean Value Based Image Perceptual Hashing"). */
import { bmvbhash } from 'blockhash-core'
import type { Pixels } from './pixels.ts'

/** Blocks along each side: 16 x 16 = 256 bits. */
const BLOCKS = 16

/** 32 bytes. Pictures of fewer than 16 pixels a side are enlarged first, so that every block has a pixel. */
export function blockhash(pixels: Pixels): Buffer {
  const { width, height, rgb } = enlarged(pixels)
  return Buffer.from(bmvbhash({ width, height, data: opaque(rgb) }, BLOCKS), 'hex')
}

/** The library reads four bytes a pixel, and takes alpha 0 as white. */
function opaque(rgb: Uint8Array): Uint8Array {
  const rgba = new Uint8Array((rgb.length / 3) * 4).fill(255)
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    rgba[to] = rgb[from]!
    rgba[to + 1] = rgb[from + 1]!
    rgba[to + 2] = rgb[from + 2]!
  }
  return rgba
}

/** Repeats pixels by whole factors until both sides have 16. */
function enlarged(pixels: Pixels): Pixels {
  const across = Math.ceil(BLOCKS / pixels.width)
  const down = Math.ceil(BLOCKS / pixels.height)
  if (across <= 1 && down <= 1) return pixels
  const width = pixels.width * across
  const height = pixels.height * down
  const rgb = new Uint8Array(width * height * 3)
  for (let y = 0, to = 0; y < height; y++) {
    const row = Math.floor(y / down) * pixels.width
    for (let x = 0; x < width; x++, to += 3) {
      const from = (row + Math.floor(x / across)) * 3
      rgb.set(pixels.rgb.subarray(from, from + 3), to)
    }
  }
  return { width, height, rgb }
}
