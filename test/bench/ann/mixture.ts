/// <reference lib="es2025.float16" preserve="true" />
/**
 * A Gaussian mixture in the likeness of a sample that falls into groups, to have as many vectors as are wanted: its
 * components' means are distributed as the groups' means are, and each component spreads as one of the groups does.
 *
 * A Gaussian of the sample's own covariance needs no decomposition: with residuals r of n members and normal numbers g,
 * the sum of g·r/√n has the covariance of the members.
 */
import { unitHalf } from '#processors/embed/half.ts'
import { Draw } from '../writes/assets/draw.ts'
import { countOf, DIMENSIONS, floatsOf, VECTOR_BYTES, vectorAt, type VectorSet } from './vector-set.ts'

export interface MixtureOptions {
  rows: number
  queries: number
  components: number
}

/** Residuals that a spread is made of; more give more dimensions to it, and take as much longer. */
const MAX_RESIDUALS = 64

interface Shape { means: Float32Array[]; spreads: Float32Array[][] }

/** Components that no row is of: their vectors are near no row in particular, as a picture is that is like no other. */
const HELD_OUT = 50

/** Half of the queries are of components held out. `groupOf[row]` is the group of the sample's row. */
export function mixtureLike(sample: Pick<VectorSet, 'vectors'>, groupOf: ArrayLike<number>, { rows, queries, components }: MixtureOptions): VectorSet {
  const { means: groupMeans, spreads } = shapeOf(sample, groupOf)
  const centre = meanOf(groupMeans)
  const apart = residualsOf(groupMeans, centre)
  const means = Array.from({ length: components + HELD_OUT }, (_, n) => plusSpread(centre, apart, new Normal(n, 11)))
  const vectorOf = (component: number, normal: Normal): Buffer => drawVector(means[component]!, spreads[component % spreads.length]!, normal)
  const vectors = Buffer.alloc(rows * VECTOR_BYTES)
  for (let row = 0; row < rows; row++) vectorOf(row % components, new Normal(row, 12)).copy(vectors, row * VECTOR_BYTES)
  return {
    name: `${rows.toLocaleString('en')} of a mixture`, vectors,
    queries: Array.from({ length: queries }, (_, n) => (n % 2 === 0
      ? { kind: 'component stored', vector: vectorOf(n % components, new Normal(n, 13)) }
      : { kind: 'component never stored', vector: vectorOf(components + n % HELD_OUT, new Normal(n, 13)) })),
  }
}

/** A sample to be like where there are no photos: groups that spread in 24 directions each, all on one side of zero as an encoder's are. */
export function drawSample(groups: number, members: number): { vectors: Buffer; photoOf: Uint16Array } {
  const base = gaussian(new Normal(0, 21), 0.8)
  const vectors: Buffer[] = []
  for (let n = 0; n < groups * members; n++) {
    const group = n % groups
    const mean = gaussian(new Normal(group, 23), 0.8).map((number, i) => number + base[i]!)
    const spread = [...Array(24).keys()].map((direction) => gaussian(new Normal(group * 24 + direction, 24), 0.6))
    vectors.push(drawVector(mean, spread, new Normal(n, 25)))
  }
  return { vectors: Buffer.concat(vectors), photoOf: Uint16Array.from({ length: vectors.length }, (_, n) => n % groups) }
}

function shapeOf({ vectors }: Pick<VectorSet, 'vectors'>, groupOf: ArrayLike<number>): Shape {
  const groups = new Map<number, Float32Array[]>()
  for (let row = 0; row < countOf({ vectors }); row++) {
    const members = groups.get(groupOf[row]!) ?? []
    if (members.length < MAX_RESIDUALS) members.push(floatsOf(vectorAt(vectors, row)))
    groups.set(groupOf[row]!, members)
  }
  const means = [...groups.values()].map(meanOf)
  return { means, spreads: [...groups.values()].map((members, n) => residualsOf(members, means[n]!)) }
}

function drawVector(mean: Float32Array, spread: Float32Array[], normal: Normal): Buffer {
  const vector = unitHalf(plusSpread(mean, spread, normal))
  if (vector === undefined) throw new Error('a vector of the mixture has no direction')
  return vector
}

function plusSpread(mean: Float32Array, spread: Float32Array[], normal: Normal): Float32Array {
  const sum = Float32Array.from(mean)
  const scale = 1 / Math.sqrt(spread.length)
  for (const residual of spread) {
    const factor = normal.number() * scale
    for (let i = 0; i < DIMENSIONS; i++) sum[i]! += factor * residual[i]!
  }
  return sum
}

function meanOf(vectors: Float32Array[]): Float32Array {
  const sum = new Float64Array(DIMENSIONS)
  for (const vector of vectors) for (let i = 0; i < DIMENSIONS; i++) sum[i]! += vector[i]!
  return Float32Array.from(sum, (number) => number / vectors.length)
}

function residualsOf(vectors: Float32Array[], mean: Float32Array): Float32Array[] {
  return vectors.map((vector) => vector.map((number, i) => number - mean[i]!))
}

function gaussian(normal: Normal, deviation: number): Float32Array {
  return Float32Array.from({ length: DIMENSIONS }, () => normal.number() * deviation)
}

/** Normal numbers of variance one, by Box and Muller; the same for the same number and purpose. */
class Normal {
  readonly #draw: Draw
  #second: number | undefined

  constructor(n: number, purpose: number) {
    this.#draw = new Draw().seed(n, purpose)
  }

  number(): number {
    const kept = this.#second
    this.#second = undefined
    if (kept !== undefined) return kept
    const radius = Math.sqrt(-2 * Math.log(this.#draw.word() / 0x1_0000_0000))
    const angle = (this.#draw.word() / 0x1_0000_0000) * 2 * Math.PI
    this.#second = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
}
