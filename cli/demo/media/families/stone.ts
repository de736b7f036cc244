/** Pebbles in greys: a Voronoi cell for each stone, rounded and lit from one side. */
import { Noise } from '../noise.ts'
import { type Colour, type Raster, blank, lit, mix, paint } from '../raster.ts'
import type { Random } from '../random.ts'

const DARK: Colour = [58, 60, 64]
const PALE: Colour = [206, 204, 198]
const SAND: Colour = [168, 158, 142]

export function stone(random: Random, width: number, height: number): Raster {
  const raster = blank(width, height)
  const noise = new Noise(random)
  const size = Math.min(width, height) * random.between(0.1, 0.14)
  const stretch = random.between(0.8, 1.25)
  const light = random.between(3.6, 4.6)
  const lightX = Math.cos(light)
  const lightY = Math.sin(light)
  paint(raster, (x, y) => {
    // Stones lie unevenly: bending the plane before cutting it into cells makes sizes and outlines vary.
    const bend = noise.fractal(x / width * 3, y / height * 3, 2) * 1.4
    const near = nearest(noise, x / size + bend, y / (size * stretch) + bend)
    const dome = Math.min(1, near.margin * 2.2)
    const tone = noise.cell(near.column + 50, near.row + 13)
    const base = mix(mix(DARK, PALE, 0.15 + tone * tone * 0.75), SAND, noise.cell(near.column + 7, near.row + 90) * 0.5)
    const facing = (near.dx * lightX + near.dy * lightY) * 0.55
    const speck = noise.fractal(x / 5 + tone * 60, y / 5, 3) - 0.5
    return lit(base, (0.12 + 0.95 * Math.sqrt(dome)) * (1 + facing + speck * 0.55))
  })
  return raster
}

interface Cell {
  column: number
  row: number
  /** From the cell's centre, in cells. */
  dx: number
  dy: number
  /** How much nearer the centre is than the next one: 0 on the border. */
  margin: number
}

function nearest(noise: Noise, x: number, y: number): Cell {
  const column = Math.floor(x)
  const row = Math.floor(y)
  const best: Cell = { column, row, dx: 0, dy: 0, margin: 0 }
  let first = Infinity
  let second = Infinity
  for (let j = row - 1; j <= row + 1; j++) {
    for (let i = column - 1; i <= column + 1; i++) {
      const dx = x - i - 0.1 - 0.8 * noise.cell(i, j)
      const dy = y - j - 0.1 - 0.8 * noise.cell(j + 40, i + 80)
      const distance = dx * dx + dy * dy
      if (distance >= second) continue
      if (distance >= first) {
        second = distance
        continue
      }
      second = first
      first = distance
      best.column = i
      best.row = j
      best.dx = dx
      best.dy = dy
    }
  }
  best.margin = Math.sqrt(second) - Math.sqrt(first)
  return best
}
