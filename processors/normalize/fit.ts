/** The arithmetic of the normal form: sizes and choices. Pure. */
import { FRAME_LONG_SIDE, FRAME_SHORT_SIDE } from './limits.ts'

export interface Size {
  width: number
  height: number
}

/** The size of a frame's normal form: same shape, never enlarged, each side at least one pixel. */
export function fit({ width, height }: Size): Size {
  const scale = Math.min(1, FRAME_SHORT_SIDE / Math.min(width, height), FRAME_LONG_SIDE / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

/** Up to `limit` indices out of 0 … count-1, evenly spread, first and last among them, ascending, none twice. */
export function spread(count: number, limit: number): number[] {
  if (count <= limit) return Array.from({ length: count }, (_, index) => index)
  if (limit === 1) return [0]
  return Array.from({ length: limit }, (_, index) => Math.round((index * (count - 1)) / (limit - 1)))
}

/** Of frames in order of time, the one to show: the first that is not nearly all one tone, else the middle one. */
export function pickThumbnail(contrasts: number[]): number {
  const first = contrasts.findIndex((contrast) => contrast >= MIN_CONTRAST)
  return first >= 0 ? first : Math.floor(contrasts.length / 2)
}

/** Standard deviation of brightness, of 255: fades and leaders stay below, any scene is above. */
const MIN_CONTRAST = 8

/** Standard deviation of the green channel, which carries most of the brightness; every 7th pixel is enough. */
export function contrastOf(rgb: Uint8Array): number {
  let count = 0, sum = 0, squares = 0
  for (let at = 1; at < rgb.length; at += 21) {
    const value = rgb[at]!
    count++
    sum += value
    squares += value * value
  }
  return count === 0 ? 0 : Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2))
}

/** Opaque RGB of RGBA pixels before white. */
export function flattenOnWhite(rgba: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3)
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const alpha = rgba[from + 3]!
    for (let channel = 0; channel < 3; channel++) rgb[to + channel] = Math.round((rgba[from + channel]! * alpha + 255 * (255 - alpha)) / 255)
  }
  return rgb
}
