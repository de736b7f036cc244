/** A city at night: rows of towers with lit windows under a dim sky, mirrored in wet ground. */
import { Noise } from '../noise.ts'
import { type Colour, type Raster, blank, ellipse, glow, mix, paint } from '../raster.ts'
import type { Random } from '../random.ts'

const DUSKS: readonly [Colour, Colour][] = [
  [[8, 10, 34], [70, 50, 92]], [[6, 12, 40], [44, 58, 104]], [[12, 8, 36], [104, 58, 74]],
]
const LIGHTS: readonly Colour[] = [[255, 206, 120], [255, 226, 164], [255, 178, 84], [206, 222, 255]]
const NEON: readonly Colour[] = [[255, 70, 130], [80, 190, 255], [255, 160, 50]]

interface Tower {
  left: number
  right: number
  top: number
  wall: Colour
  /** Share of windows that are lit. */
  awake: number
  light: Colour
  /** Windows are this wide and high, pixels. */
  pane: { width: number; height: number }
  id: number
}

export function city(random: Random, width: number, height: number): Raster {
  const raster = blank(width, height)
  const noise = new Noise(random)
  const [zenith, haze] = random.pick(DUSKS)
  const ground = Math.floor(height * random.between(0.76, 0.9))
  paint(raster, (x, y) => mix(zenith, haze, (y / ground) ** 1.7 * (0.5 + noise.fractal(x / width * 4, y / height * 6, 3))))
  paintMoon(raster, random, ground)
  const layers = random.whole(2, 4)
  for (let layer = 1; layer <= layers; layer++) {
    for (const tower of row(random, raster, ground, layer / layers)) paintTower(raster, tower, ground, noise)
  }
  paintReflection(raster, noise, ground)
  paintLamps(raster, random, ground)
  return raster
}

function paintMoon(raster: Raster, random: Random, ground: number): void {
  const x = raster.width * random.between(0.08, 0.92)
  const y = ground * random.between(0.08, 0.3)
  const radius = raster.height * random.between(0.02, 0.045)
  glow(raster, x, y, radius * 6, [90, 100, 140], 0.6)
  ellipse(raster, x, y, { rx: radius, ry: radius }, [244, 240, 220])
}

function row(random: Random, { width, height }: Raster, ground: number, near: number): Tower[] {
  const towers: Tower[] = []
  const pane = { width: Math.max(3, width * 0.006 * (0.5 + near)), height: Math.max(4, height * 0.013 * (0.5 + near)) }
  for (let left = -width * random.between(0, 0.08); left < width;) {
    const right = left + width * random.between(0.05, 0.15)
    const tall = ground * random.between(0.18, 0.82) * (1.15 - near * 0.4)
    towers.push({
      left: Math.floor(left), right: Math.floor(right), top: Math.floor(ground - tall), pane,
      wall: mix([62, 58, 96], [14, 14, 24], near * random.between(0.75, 1)),
      awake: random.between(0.12, 0.75), light: random.pick(LIGHTS), id: random.whole(0, 1000),
    })
    left = right + (random.next() < 0.35 ? width * random.between(0.01, 0.06) : 0)
  }
  return towers
}

function paintTower(raster: Raster, tower: Tower, ground: number, noise: Noise): void {
  const { width, pixels } = raster
  for (let y = Math.max(0, tower.top); y < ground; y++) {
    for (let x = Math.max(0, tower.left); x < Math.min(width, tower.right); x++) {
      const colour = facade(tower, x, y, noise)
      const i = (y * width + x) * 3
      pixels[i] = colour[0]
      pixels[i + 1] = colour[1]
      pixels[i + 2] = colour[2]
    }
  }
}

function facade(tower: Tower, x: number, y: number, noise: Noise): Colour {
  const across = (x - tower.left) / (tower.pane.width * 1.9)
  const down = (y - tower.top) / (tower.pane.height * 1.7)
  const column = Math.floor(across)
  const floor = Math.floor(down)
  const isPane = across - column > 0.45 && down - floor > 0.4 && floor > 0
  const edge = x - tower.left < 2 ? 1.5 : 1
  if (!isPane) return [tower.wall[0] * edge, tower.wall[1] * edge, tower.wall[2] * edge]
  const chance = noise.cell(column + tower.id, floor * 3 + tower.id)
  if (chance > tower.awake) return mix(tower.wall, [60, 80, 120], 0.3)
  return mix(tower.wall, tower.light, 0.55 + 0.45 * noise.cell(floor + tower.id, column + 61))
}

function paintReflection(raster: Raster, noise: Noise, ground: number): void {
  const { width, height, pixels } = raster
  for (let y = ground; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const wave = (noise.at(x / 14, y / 1.8) - 0.5) * (6 + (y - ground) * 0.35)
      const fromX = Math.max(0, Math.min(width - 1, Math.round(x + wave)))
      const fromY = Math.max(0, Math.round(ground - 1 - (y - ground) * 1.6 + wave))
      const from = (fromY * width + fromX) * 3
      const i = (y * width + x) * 3
      pixels[i] = pixels[from]! * 0.6 + 6
      pixels[i + 1] = pixels[from + 1]! * 0.6 + 8
      pixels[i + 2] = pixels[from + 2]! * 0.66 + 16
    }
  }
}

function paintLamps(raster: Raster, random: Random, ground: number): void {
  const lamps = random.whole(4, 14)
  for (let n = 0; n < lamps; n++) {
    const x = raster.width * random.next()
    const colour = random.next() < 0.5 ? random.pick(NEON) : random.pick(LIGHTS)
    const y = ground - raster.height * random.between(0.01, 0.05)
    glow(raster, x, y, raster.width * random.between(0.03, 0.08), colour, random.between(0.5, 1))
    ellipse(raster, x, y, { rx: 2.5, ry: 2.5 }, [255, 250, 235])
    ellipse(raster, x, ground + (raster.height - ground) * 0.5, { rx: 3, ry: (raster.height - ground) * 0.5 }, colour, 0.35)
  }
}
