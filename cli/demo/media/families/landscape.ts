/** Blue sky and green hills: ridges drawn from far to near, hazy to clear. */
import { Noise } from '../noise.ts'
import { type Colour, type Raster, blank, glow, lit, mix, paint, ramp } from '../raster.ts'
import type { Random } from '../random.ts'

const SKIES: readonly [Colour, Colour][] = [
  [[52, 110, 190], [190, 215, 235]], [[70, 130, 200], [232, 222, 205]], [[40, 92, 170], [160, 200, 230]], [[88, 140, 196], [225, 232, 238]],
]
const HAZE: Colour = [150, 180, 205]
const GREENS: readonly Colour[] = [[52, 96, 40], [70, 112, 44], [40, 84, 52], [92, 118, 46]]

interface Ridge {
  /** The bare hill's top for each column, pixels from the top of the picture. */
  hill: Float32Array
  /** The same with the trees that stand on it. */
  crest: Float32Array
  colour: Colour
  /** 0 far, 1 near. */
  near: number
}

export function landscape(random: Random, width: number, height: number): Raster {
  const raster = blank(width, height)
  const noise = new Noise(random)
  const [zenith, horizonColour] = random.pick(SKIES)
  const horizon = height * random.between(0.38, 0.54)
  const sun = { x: width * random.between(0.05, 0.95), y: horizon * random.between(0.15, 0.8) }
  const cover = random.between(0.38, 0.6)
  const wind = random.between(2, 5)
  paint(raster, (x, y) => {
    if (y > horizon * 1.3) return HAZE
    const sky = mix(zenith, horizonColour, y / horizon)
    const cloud = noise.fractal(x / width * wind, y / height * wind * 2.6, 4)
    return mix(sky, [248, 246, 242], ramp(cover, cover + 0.25, cloud) * 0.95)
  })
  glow(raster, sun.x, sun.y, width * 0.3, [255, 225, 150], 0.75)
  glow(raster, sun.x, sun.y, width * 0.06, [255, 250, 220], 1.6)
  for (const ridge of ridges(random, noise, raster, horizon)) paintRidge(raster, ridge, noise, sun.x)
  if (random.next() < 0.45) paintLake(raster, noise, Math.floor(height * random.between(0.76, 0.88)))
  return raster
}

function ridges(random: Random, noise: Noise, { width, height }: Raster, horizon: number): Ridge[] {
  const count = random.whole(3, 6)
  const green = random.pick(GREENS)
  return Array.from({ length: count }, (_, i) => {
    const near = (i + 1) / count
    const base = horizon + (height - horizon) * (i / count) * 1.05
    const tall = height * random.between(0.16, 0.4) * (1.2 - near * 0.7)
    const spread = random.between(1.5, 4)
    const treeWidth = random.next() < 0.65 && i > 0 ? width * 0.02 * near : 0
    const offset = random.between(0, 90)
    const hill = Float32Array.from({ length: width }, (_, x) => base - tall * (noise.fractal(offset + x / width * spread, i * 7.3, 5) - 0.3) * 2)
    const crest = hill.map((top, x) => top - treeAt(noise, x, treeWidth, i))
    return { hill, crest, near, colour: mix(HAZE, lit(green, 1.15 - near * 0.35), 0.25 + near * 0.75) }
  })
}

/** Height of the trees over column x: conifers of uneven size, three rows deep, in groves with clearings. */
function treeAt(noise: Noise, x: number, width: number, layer: number): number {
  if (width === 0) return 0
  let tallest = 0
  for (let depth = 0; depth < 3; depth++) {
    const place = x / width + depth * 0.37
    const cell = Math.floor(place)
    const fromTrunk = Math.abs(place - cell - 0.5) * 2
    const size = noise.cell(cell, layer + 31 + depth * 9) * 2.4
    tallest = Math.max(tallest, (size - fromTrunk * (size + 0.4)) * width)
  }
  return tallest * ramp(0.35, 0.6, noise.at(x / (width * 9), layer * 3.7))
}

function paintRidge(raster: Raster, { hill, crest, colour, near }: Ridge, noise: Noise, sunX: number): void {
  const { width, height, pixels } = raster
  const slope = slopes(hill)
  for (let x = 0; x < width; x++) {
    const side = Math.max(-1, Math.min(1, (sunX - x) / width * 3))
    for (let y = Math.max(0, Math.floor(crest[x]!)); y < height; y++) {
      const isTree = y < hill[x]!
      const depth = (y - crest[x]!) / height
      // Gullies run down at a slant and fade on the way.
      const gully = slope[Math.floor(x + (y - crest[x]!) * 0.6) % width]! * side * Math.max(0, 1 - depth * 5)
      const patch = noise.fractal(x / width * 14 + near * 40, y / height * (12 + 20 * near), 4)
      const ground = (1 + gully) * (1 - depth * 0.5) * (1 + (0.3 + near) * (patch - 0.5) * 1.2)
      const shade = isTree ? 0.5 + patch * 0.25 : ground
      const i = (y * width + x) * 3
      pixels[i] = colour[0] * shade + (isTree ? 0 : patch * 34 * near)
      pixels[i + 1] = colour[1] * shade + (isTree ? 0 : patch * 24 * near)
      pixels[i + 2] = colour[2] * shade
    }
  }
}

/** Rise of the hill to the right, from -0.3 to 0.3, averaged over a sixtieth of the width. */
function slopes(hill: Float32Array): Float32Array {
  const reach = Math.ceil(hill.length / 60)
  return hill.map((_, x) => {
    const rise = hill[Math.max(0, x - reach)]! - hill[Math.min(hill.length - 1, x + reach)]!
    return Math.max(-0.3, Math.min(0.3, -rise / reach * 0.3))
  })
}

/** Still water mirrors what is above its shore, darker and rippled. */
function paintLake(raster: Raster, noise: Noise, top: number): void {
  const { width, height, pixels } = raster
  for (let y = top; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const ripple = (noise.at(x / 40, y / 2.5) - 0.5) * (y - top + 4) * 0.5
      const sourceY = Math.max(0, Math.min(top - 1, Math.round(top - (y - top) * 3 + ripple)))
      const from = (sourceY * width + x) * 3
      const i = (y * width + x) * 3
      pixels[i] = pixels[from]! * 0.62 + 12
      pixels[i + 1] = pixels[from + 1]! * 0.7 + 26
      pixels[i + 2] = pixels[from + 2]! * 0.75 + 42
    }
  }
}
