/** Blossoms in pinks and reds before blurred foliage. */
import { Noise } from '../noise.ts'
import { type Colour, type Raster, blank, blend, eachAround, ellipse, lit, mix, paint, ramp } from '../raster.ts'
import type { Random } from '../random.ts'

const PETALS: readonly [Colour, Colour][] = [
  [[236, 64, 132], [255, 186, 214]], [[206, 30, 60], [250, 110, 110]], [[198, 60, 180], [248, 176, 236]],
  [[250, 120, 160], [255, 232, 238]], [[226, 44, 96], [255, 150, 170]],
]

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
  const leaf: Colour = [random.between(36, 70), random.between(88, 122), random.between(30, 58)]
  paint(raster, (x, y) => {
    const depth = noise.fractal(x / width * 4, y / height * 4, 3)
    return mix(lit(leaf, 0.35), [150, 190, 96], ramp(0.25, 0.85, depth))
  })
  paintLeaves(raster, random, leaf)
  const blossoms = Array.from({ length: random.whole(4, 15) }, () => blossom(random, raster))
  // The small ones are far away, and so are painted first.
  for (const each of blossoms.sort((a, b) => a.radius - b.radius)) paintBlossom(raster, each, noise)
  return raster
}

function blossom(random: Random, { width, height }: Raster): Blossom {
  const [inner, outer] = random.pick(PETALS)
  return {
    x: width * random.between(0.02, 0.98), y: height * random.between(0.02, 0.98),
    radius: Math.min(width, height) * random.between(0.09, 0.3),
    petals: random.whole(5, 14), turn: random.between(0, Math.PI), tilt: random.between(0.6, 1), inner, outer,
  }
}

function paintLeaves(raster: Raster, random: Random, leaf: Colour): void {
  const scale = Math.min(raster.width, raster.height)
  for (let n = 0; n < 38; n++) {
    const shape = { rx: scale * random.between(0.08, 0.28), ry: scale * random.between(0.02, 0.06), angle: random.between(0, Math.PI) }
    const colour = lit(leaf, random.between(0.5, 1.7))
    ellipse(raster, raster.width * random.next(), raster.height * random.next(), shape, colour, random.between(0.35, 0.8))
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
