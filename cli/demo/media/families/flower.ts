/** A meadow of pink blossoms, small and many far away, large and few at the front, below blurred foliage. */
import { Noise } from '../noise.ts'
import { type Colour, type Raster, blank, blend, eachAround, ellipse, lit, mix, paint, ramp } from '../raster.ts'
import type { Random } from '../random.ts'

const PETALS: readonly [Colour, Colour][] = [
  [[236, 64, 132], [255, 176, 208]], [[226, 44, 96], [255, 150, 170]], [[216, 60, 150], [250, 170, 220]], [[244, 96, 146], [255, 200, 220]],
]

const ROWS = 7

interface Blossom {
  x: number
  y: number
  radius: number
  petals: number
  turn: number
  /** Flattening, as seen from the side: 1 is face on. */
  tilt: number
  inner: Colour
  outer: Colour
}

export function flower(random: Random, width: number, height: number): Raster {
  const raster = blank(width, height)
  const noise = new Noise(random)
  const leaf: Colour = [random.between(46, 60), random.between(96, 112), random.between(38, 50)]
  paint(raster, (x, y) => {
    const depth = noise.fractal(x / width * 4, y / height * 4, 3)
    const near = ramp(0.05, 0.6, y / height)
    return mix(mix([196, 214, 130], lit(leaf, 1.3), near), lit(leaf, 0.35), near * 0.3 + depth * 0.55)
  })
  paintLeaves(raster, random, leaf)
  for (let row = 0; row < ROWS; row++) {
    for (const each of rowOfBlossoms(random, raster, row / (ROWS - 1))) paintBlossom(raster, each, noise)
  }
  return raster
}

/** `near` is 0 for the row furthest away and 1 for the one at the front. */
function rowOfBlossoms(random: Random, { width, height }: Raster, near: number): Blossom[] {
  const count = Math.round(13 - near * 8)
  return Array.from({ length: count }, (_, n) => {
    const [inner, outer] = random.pick(PETALS)
    return {
      x: width * (n + random.between(0, 1)) / count, y: height * (0.3 + near * 0.62 + random.between(-0.06, 0.06)),
      radius: Math.min(width, height) * (0.035 + near * 0.115) * random.between(0.75, 1.25),
      petals: random.whole(5, 14), turn: random.between(0, Math.PI), tilt: random.between(0.6, 1), inner, outer,
    }
  })
}

function paintLeaves(raster: Raster, random: Random, leaf: Colour): void {
  const scale = Math.min(raster.width, raster.height)
  for (let n = 0; n < 60; n++) {
    const near = n / 60
    const shape = { rx: scale * (0.05 + 0.2 * near) * random.between(0.6, 1), ry: scale * (0.01 + 0.035 * near), angle: random.between(0.9, 2.2) }
    const y = raster.height * (0.3 + 0.75 * near + random.between(-0.05, 0.05))
    ellipse(raster, raster.width * random.next(), y, shape, lit(leaf, random.between(0.5, 1.6)), random.between(0.35, 0.8))
  }
}

function paintBlossom(raster: Raster, { x, y, radius, petals, turn, tilt, inner, outer }: Blossom, noise: Noise): void {
  ellipse(raster, x + radius * 0.12, y + radius * 0.2, { rx: radius * 0.95, ry: radius * 0.95 * tilt }, [18, 34, 16], 0.35)
  eachAround(raster, x, y, radius, (px, py, dx, dy) => {
    const distance = Math.hypot(dx, dy / tilt) / radius
    const angle = Math.atan2(dy / tilt, dx) + turn
    const lobe = Math.abs(Math.cos(angle * petals / 2))
    const edge = 0.58 + 0.42 * Math.sqrt(lobe)
    const cover = Math.min(1, (edge - distance) * radius)
    if (cover <= 0) return
    const vein = noise.at(angle * petals * 2 + 9, distance * 3)
    const shade = 0.62 + 0.38 * lobe + (vein - 0.5) * 0.25
    blend(raster, px, py, lit(mix(inner, outer, distance / edge), shade), cover)
  })
  const heart = radius * 0.24
  eachAround(raster, x, y, heart, (px, py, dx, dy) => {
    const distance = Math.hypot(dx, dy / tilt) / heart
    const seed = noise.at(px / 2.2, py / 2.2)
    if (distance < 1) blend(raster, px, py, lit([250, 200, 60], 0.5 + 0.6 * seed - distance * 0.2), Math.min(1, (1 - distance) * heart))
  })
}
