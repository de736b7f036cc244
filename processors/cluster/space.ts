/**
 * Representatives of one model, and the nearest of them.
 *
 * Memory is one WebAssembly memory: a page of working space, then blocks of 4,096 rows, each block first its codes and
 * then its vectors. Growing it moves nothing. Up to one block, every vector is compared; when the first block is full, its
 * mean becomes the centre of the codes (see bit-codes.ts) and from then on codes rule out most vectors first.
 */
import { Halt, jsonPart, type SnapshotParts } from '#runtime/api.ts'
import { Coder, codeBytesFor, FACTORS } from './bit-codes.ts'
import { openKernels, PLANES, type Kernels } from './kernels.ts'
import { MAX_PAGES } from './wasm.ts'

export interface Nearest {
  row: number
  /** Cosine. */
  similarity: number
}

export const BLOCK_ROWS = 4_096
const PAGE_BYTES = 65_536

/** Working space at the start of the memory. */
const QUERY_AT = 0
const PLANES_AT = 16_384
const SCORES_AT = 32_768
const WORK_PAGES = 1

/** A row is whole steps of the kernel's inner loop. */
const ROW_STEP_BYTES = 64

export class Space {
  readonly dimensions: number
  readonly #memory = new WebAssembly.Memory({ initial: WORK_PAGES, maximum: MAX_PAGES })
  readonly #kernels: Kernels = openKernels(this.#memory)
  readonly #rowBytes: number
  readonly #codeBytes: number
  readonly #blockPages: number
  /** Factors of the coded rows, a block each. */
  readonly #factors: Float32Array[] = []
  #floats = new Float32Array(this.#memory.buffer)
  #rows = 0
  #coder: Coder | undefined

  constructor(dimensions: number) {
    this.dimensions = dimensions
    this.#rowBytes = Math.ceil((dimensions * 4) / ROW_STEP_BYTES) * ROW_STEP_BYTES
    this.#codeBytes = codeBytesFor(dimensions)
    this.#blockPages = Math.ceil((BLOCK_ROWS * (this.#rowBytes + this.#codeBytes)) / PAGE_BYTES)
  }

  /** Rows, and the centre of the codes once there are any; then of each block its codes and vectors as they lie, and factors. */
  *parts(): Iterable<ArrayBufferView> {
    yield jsonPart({ dimensions: this.dimensions, rows: this.#rows, isCoded: this.#coder !== undefined })
    if (this.#coder) yield this.#coder.centre
    yield* this.#blocks()
  }

  static async restore(parts: SnapshotParts): Promise<Space> {
    const { dimensions, rows, isCoded } = (await parts.json()) as { dimensions: number; rows: number; isCoded: boolean }
    const space = new Space(dimensions)
    if (isCoded) {
      const centre = new Float32Array(dimensions)
      await parts.into(centre)
      space.#coder = new Coder(centre)
    }
    while (space.#factors.length * BLOCK_ROWS < rows) space.#grow()
    space.#rows = rows
    for (const cells of space.#blocks()) await parts.into(cells)
    return space
  }

  *#blocks(): Iterable<ArrayBufferView> {
    for (const [block, factors] of this.#factors.entries()) {
      const first = block * BLOCK_ROWS
      const rows = Math.min(BLOCK_ROWS, this.#rows - first)
      yield new Uint8Array(this.#memory.buffer, this.#codeAt(first), rows * this.#codeBytes)
      yield new Uint8Array(this.#memory.buffer, this.#vectorAt(first), rows * this.#rowBytes)
      yield factors.subarray(0, rows * FACTORS)
    }
  }

  get rows(): number {
    return this.#rows
  }

  /**
   * Takes a copy of a unit vector; rows are numbered from 0 in the order they come.
   * @throws Halt `cluster.full`
   */
  add(vector: Float32Array): void {
    const row = this.#rows
    if (row % BLOCK_ROWS === 0) this.#grow()
    this.#floats.set(vector, this.#vectorAt(row) / 4)
    this.#rows++
    if (this.#coder) this.#encode(row, this.#coder)
    else if (this.#rows === BLOCK_ROWS) this.#beginCoding()
  }

  /** The most similar row, the first of equals; undefined when none reaches `atLeast`. */
  nearest(query: Float32Array, atLeast: number): Nearest | undefined {
    this.#floats.set(query, QUERY_AT / 4)
    return this.#coder ? this.#nearestByCodes(query, atLeast, this.#coder) : this.#nearestOfAll(atLeast)
  }

  /** Cosine of the query with one row. */
  similarity(query: Float32Array, row: number): number {
    this.#floats.set(query, QUERY_AT / 4)
    return this.#exact(row)
  }

  #nearestOfAll(atLeast: number): Nearest | undefined {
    if (this.#rows === 0) return undefined
    this.#kernels.dots(this.#vectorAt(0), this.#rows, this.#rowBytes, QUERY_AT, SCORES_AT)
    const scores = this.#floats.subarray(SCORES_AT / 4, SCORES_AT / 4 + this.#rows)
    let best = 0
    for (let row = 1; row < scores.length; row++) if (scores[row]! > scores[best]!) best = row
    const similarity = Math.min(1, scores[best]!)
    return similarity >= atLeast ? { row: best, similarity } : undefined
  }

  /** Likeliest row first, so that a good match spares most of the other comparisons. */
  #nearestByCodes(query: Float32Array, atLeast: number, coder: Coder): Nearest | undefined {
    const { rows, bounds, likeliest } = this.#candidates(query, atLeast, coder)
    if (likeliest === undefined) return undefined
    let best: Nearest = { row: likeliest, similarity: this.#exact(likeliest) }
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!
      if (bounds[i]! < best.similarity || row === likeliest) continue
      const similarity = this.#exact(row)
      if (similarity > best.similarity || (similarity === best.similarity && row < best.row)) best = { row, similarity }
    }
    return best.similarity >= atLeast ? best : undefined
  }

  /** Rows whose bound reaches `atLeast`, in order, and the one of the highest bound. */
  #candidates(query: Float32Array, atLeast: number, coder: Coder) {
    const planes = new Uint8Array(this.#memory.buffer, PLANES_AT, PLANES * this.#codeBytes)
    const prepared = coder.prepare(query, planes)
    const bitSums = new Int32Array(this.#memory.buffer, SCORES_AT, BLOCK_ROWS)
    const rows: number[] = []
    const bounds: number[] = []
    let likeliest: number | undefined
    let highest = -Infinity
    for (let first = 0; first < this.#rows; first += BLOCK_ROWS) {
      const count = Math.min(BLOCK_ROWS, this.#rows - first)
      const factors = this.#factors[first / BLOCK_ROWS]!
      this.#kernels.bitSums(this.#codeAt(first), count, this.#codeBytes, PLANES_AT, SCORES_AT)
      for (let i = 0; i < count; i++) {
        const bound = prepared.bound(bitSums[i]!, factors, i * FACTORS)
        if (bound < atLeast) continue
        rows.push(first + i)
        bounds.push(bound)
        if (bound > highest) [highest, likeliest] = [bound, first + i]
      }
    }
    return { rows, bounds, likeliest }
  }

  #exact(row: number): number {
    this.#kernels.dots(this.#vectorAt(row), 1, this.#rowBytes, QUERY_AT, SCORES_AT)
    return Math.min(1, this.#floats[SCORES_AT / 4]!)
  }

  #beginCoding(): void {
    const mean = new Float64Array(this.dimensions)
    for (let row = 0; row < this.#rows; row++) {
      const vector = this.#vector(row)
      for (let i = 0; i < mean.length; i++) mean[i]! += vector[i]! / this.#rows
    }
    this.#coder = new Coder(Float32Array.from(mean))
    for (let row = 0; row < this.#rows; row++) this.#encode(row, this.#coder)
  }

  #encode(row: number, coder: Coder): void {
    const code = new Uint8Array(this.#memory.buffer, this.#codeAt(row), this.#codeBytes)
    coder.encode(this.#vector(row), code, this.#factors[Math.floor(row / BLOCK_ROWS)]!, (row % BLOCK_ROWS) * FACTORS)
  }

  #grow(): void {
    try {
      this.#memory.grow(this.#blockPages)
    } catch (error) {
      throw new Halt('cluster.full', `${this.#rows} representatives fill the memory`, 'Start a new run with a lower cluster threshold on the model\'s card.', { cause: error })
    }
    // Growing detached the old view.
    this.#floats = new Float32Array(this.#memory.buffer)
    this.#factors.push(new Float32Array(BLOCK_ROWS * FACTORS))
  }

  #vector(row: number): Float32Array {
    return this.#floats.subarray(this.#vectorAt(row) / 4, this.#vectorAt(row) / 4 + this.dimensions)
  }

  #codeAt(row: number): number {
    return this.#blockAt(row) + (row % BLOCK_ROWS) * this.#codeBytes
  }

  #vectorAt(row: number): number {
    return this.#blockAt(row) + BLOCK_ROWS * this.#codeBytes + (row % BLOCK_ROWS) * this.#rowBytes
  }

  #blockAt(row: number): number {
    return (WORK_PAGES + Math.floor(row / BLOCK_ROWS) * this.#blockPages) * PAGE_BYTES
  }
}
