/** Pixels in memory, and the few brushes that the picture families share. */
import type { Random } from './random.ts'

/** Red, green, blue, each 0 to 255. */
export type Colour = readonly [number, number, number]

/** Three clamped bytes a pixel, rows from the top. */
export interface Raster {
  width: number
  height: number
  pixels: Uint8ClampedArray
}

export function blank(width: number, height: number): Raster {
  return { width, height, pixels: new Uint8ClampedArray(width * height * 3) }
}

export function mix(from: Colour, to: Colour, share: number): Colour {
  const t = share < 0 ? 0 : share > 1 ? 1 : share
  return [from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t, from[2] + (to[2] - from[2]) * t]
}

export function lit(colour: Colour, strength: number): Colour {
  return [colour[0] * strength, colour[1] * strength, colour[2] * strength]
}

/** 0 below `low`, 1 above `high`, smooth in between. */
export function ramp(low: number, high: number, value: number): number {
  const t = Math.min(1, Math.max(0, (value - low) / (high - low)))
  return t * t * (3 - 2 * t)
}

/** Sets every pixel from its position. */
export function paint(raster: Raster, colourAt: (x: number, y: number) => Colour): void {
  const { width, height, pixels } = raster
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 3) {
      const colour = colourAt(x, y)
      pixels[i] = colour[0]
      pixels[i + 1] = colour[1]
      pixels[i + 2] = colour[2]
    }
  }
}

export function blend(raster: Raster, x: number, y: number, colour: Colour, opacity: number): void {
  if (x < 0 || y < 0 || x >= raster.width || y >= raster.height || opacity <= 0) return
  const i = (y * raster.width + x) * 3
  const { pixels } = raster
  pixels[i] = pixels[i]! + (colour[0] - pixels[i]!) * opacity
  pixels[i + 1] = pixels[i + 1]! + (colour[1] - pixels[i + 1]!) * opacity
  pixels[i + 2] = pixels[i + 2]! + (colour[2] - pixels[i + 2]!) * opacity
}

/** Adds light, as a lamp or a reflection does. */
export function glow(raster: Raster, x: number, y: number, radius: number, colour: Colour, strength: number): void {
  eachAround(raster, x, y, radius, (px, py, dx, dy) => {
    const fall = 1 - Math.hypot(dx, dy) / radius
    if (fall <= 0) return
    const i = (py * raster.width + px) * 3
    const light = strength * fall * fall
    for (let c = 0; c < 3; c++) raster.pixels[i + c] = raster.pixels[i + c]! + colour[c]! * light
  })
}

/** A filled ellipse turned by `angle`, its edge about one pixel soft. */
export function ellipse(
  raster: Raster, x: number, y: number, shape: { rx: number; ry: number; angle?: number }, colour: Colour, opacity = 1,
): void {
  const { rx, ry, angle = 0 } = shape
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  const reach = Math.max(rx, ry)
  eachAround(raster, x, y, reach + 1, (px, py, dx, dy) => {
    const distance = Math.hypot((dx * cos + dy * sin) / rx, (dy * cos - dx * sin) / ry)
    const cover = Math.min(1, (1 - distance) * Math.min(rx, ry) + 0.5)
    if (cover > 0) blend(raster, px, py, colour, opacity * cover)
  })
}

/** Visits the pixels of a square around a point that lie within the raster, with their offsets from the point. */
export function eachAround(
  raster: Raster, x: number, y: number, radius: number, visit: (px: number, py: number, dx: number, dy: number) => void,
): void {
  const bottom = Math.min(raster.height - 1, Math.ceil(y + radius))
  const right = Math.min(raster.width - 1, Math.ceil(x + radius))
  for (let py = Math.max(0, Math.floor(y - radius)); py <= bottom; py++) {
    for (let px = Math.max(0, Math.floor(x - radius)); px <= right; px++) visit(px, py, px - x, py - y)
  }
}

/** What a lens and a sensor add: darker corners and grain. */
export function develop(raster: Raster, random: Random): Raster {
  const { width, height, pixels } = raster
  // A prime length, so that the grain never lines up from row to row.
  const grain = Float32Array.from({ length: 8191 }, () => (random.next() + random.next() - 1) * 7)
  for (let y = 0, i = 0, g = 0; y < height; y++) {
    const dy = y / height - 0.5
    for (let x = 0; x < width; x++, i += 3) {
      const dx = x / width - 0.5
      const shade = 1 - 0.45 * (dx * dx + dy * dy)
      const noise = grain[g = g === 8190 ? 0 : g + 1]!
      pixels[i] = pixels[i]! * shade + noise
      pixels[i + 1] = pixels[i + 1]! * shade + noise
      pixels[i + 2] = pixels[i + 2]! * shade + noise
    }
  }
  return raster
}
