/** Woven cloth in earth colours: striped warp over striped weft, at an angle, lying in folds. */
import { Noise } from '../noise.ts'
import { type Colour, type Raster, blank, lit, paint } from '../raster.ts'
import type { Random } from '../random.ts'

const YARNS: readonly Colour[] = [[178, 84, 44], [216, 166, 108], [136, 62, 36], [206, 138, 62], [226, 190, 140], [116, 70, 46], [198, 104, 70]]
const BANDS = 24

interface Threads {
  /** Colour of each band of threads; the row repeats. */
  colours: Colour[]
  /** Far edge of each band, in threads. */
  edges: number[]
}

export function cloth(random: Random, width: number, height: number): Raster {
  const raster = blank(width, height)
  const noise = new Noise(random)
  const angle = random.between(0.45, 0.7)
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  const thread = Math.max(3, width / random.between(110, 190))
  const warp = threads(random)
  const weft = threads(random)
  const folds = random.between(2, 4.5)
  paint(raster, (px, py) => {
    const drape = noise.fractal(px / width * folds, py / height * folds, 3)
    // Folds also move the threads sideways, as on a real table.
    const x = px + (drape - 0.5) * width * 0.22
    const y = py + (drape - 0.5) * height * 0.1
    const across = (x * cos + y * sin) / thread + 4000
    const along = (y * cos - x * sin) / thread + 4000
    const isWarp = (Math.floor(across) + Math.floor(along)) % 2 === 0
    const round = isWarp ? across - Math.floor(across) : along - Math.floor(along)
    const colour = isWarp ? bandAt(warp, across) : bandAt(weft, along)
    const fibre = 0.9 + 0.2 * noise.at(px / 1.7, py / 1.7)
    return lit(colour, (0.66 + 1.2 * round * (1 - round)) * fibre * (0.5 + 0.95 * drape))
  })
  return raster
}

function threads(random: Random): Threads {
  const colours: Colour[] = []
  const edges: number[] = []
  for (let band = 0, edge = 0; band < BANDS; band++) {
    edge += random.whole(2, 9)
    edges.push(edge)
    colours.push(random.pick(YARNS))
  }
  return { colours, edges }
}

function bandAt({ colours, edges }: Threads, position: number): Colour {
  const thread = Math.floor(position) % edges[BANDS - 1]!
  let band = 0
  while (edges[band]! <= thread) band++
  return colours[band]!
}
