/** A decoded frame, and the hash that only its pixels decide. */
import { createHash } from 'node:crypto'

/** Upright sRGB pixels: rows from the top, three bytes (red, green, blue) a pixel. */
export interface Pixels {
  width: number
  height: number
  rgb: Uint8Array
}

/** Width and height of the original once upright. */
export interface Size {
  width: number
  height: number
}

/**
 * SHA-256 over the original's width and height (unsigned 32-bit, little-endian) and the normal form's pixels: equal
 * for copies whose files differ in metadata only, different for a picture and its enlargement.
 */
export function hashPixels({ rgb }: Pixels, original: Size): Buffer {
  const size = Buffer.alloc(8)
  size.writeUInt32LE(original.width, 0)
  size.writeUInt32LE(original.height, 4)
  return createHash('sha256').update(size).update(rgb).digest()
}
