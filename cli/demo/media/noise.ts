/** Value noise: a random number at each point of a square lattice, blended smoothly in between. */
import type { Random } from './random.ts'

const SIDE = 128
const MASK = SIDE - 1

export class Noise {
  readonly #lattice = new Float32Array(SIDE * SIDE)

  constructor(random: Random) {
    for (let i = 0; i < this.#lattice.length; i++) this.#lattice[i] = random.next()
  }

  /** In [0, 1]; features are about one unit wide; repeats after 128 units. */
  at(x: number, y: number): number {
    const left = Math.floor(x)
    const top = Math.floor(y)
    const u = smooth(x - left)
    const v = smooth(y - top)
    const row = (top & MASK) * SIDE
    const below = ((top + 1) & MASK) * SIDE
    const column = left & MASK
    const right = (left + 1) & MASK
    const lattice = this.#lattice
    const upper = lattice[row + column]! * (1 - u) + lattice[row + right]! * u
    const lower = lattice[below + column]! * (1 - u) + lattice[below + right]! * u
    return upper * (1 - v) + lower * v
  }

  /** In [0, 1], centred on 0.5: each octave is half as strong and twice as fine as the one before. */
  fractal(x: number, y: number, octaves: number): number {
    let sum = 0
    let strength = 0.5
    let total = 0
    for (let octave = 0; octave < octaves; octave++) {
      sum += strength * this.at(x, y)
      total += strength
      strength /= 2
      // Not exactly 2, so that the lattices of two octaves never line up into a visible grid.
      x = x * 2.03 + 17.1
      y = y * 2.03 + 5.7
    }
    return sum / total
  }

  /** One of the lattice's numbers, for choices made per cell. In [0, 1). */
  cell(x: number, y: number): number {
    return this.#lattice[(y & MASK) * SIDE + (x & MASK)]!
  }
}

function smooth(t: number): number {
  return t * t * (3 - 2 * t)
}
