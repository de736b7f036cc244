/** A growing table of fixed-width rows. It is kept in chunks, so growth copies nothing and memory follows use. */
import { jsonPart, type SnapshotParts } from '#runtime/api.ts'

const CHUNK_BITS = 16
const CHUNK_ROWS = 1 << CHUNK_BITS

type Cells = Uint8Array | Int16Array | Int32Array | Uint32Array | Float32Array | Float64Array

export class Column<A extends Cells> {
  readonly #allocate: (cells: number) => A
  readonly #width: number
  readonly #chunks: A[] = []
  rows = 0

  /** @param width cells in a row */
  constructor(allocate: (cells: number) => A, width = 1) {
    this.#allocate = allocate
    this.#width = width
  }

  /** The new row's number. */
  push(...cells: number[]): number {
    const chunk = this.#room()
    chunk.set(cells, (this.rows & (CHUNK_ROWS - 1)) * this.#width)
    return this.rows++
  }

  pushRow(row: ArrayLike<number>): number {
    const chunk = this.#room()
    chunk.set(row, (this.rows & (CHUNK_ROWS - 1)) * this.#width)
    return this.rows++
  }

  /** First cell of a row, or the one named. */
  get(row: number, cell = 0): number {
    return this.#chunks[row >>> CHUNK_BITS]![(row & (CHUNK_ROWS - 1)) * this.#width + cell]!
  }

  /** A view, not a copy. */
  row(row: number): A {
    const start = (row & (CHUNK_ROWS - 1)) * this.#width
    return this.#chunks[row >>> CHUNK_BITS]!.subarray(start, start + this.#width) as A
  }

  get bytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
  }

  *parts(): Iterable<ArrayBufferView> {
    yield jsonPart(this.rows)
    for (const [at, chunk] of this.#chunks.entries()) yield chunk.subarray(0, Math.min(CHUNK_ROWS, this.rows - at * CHUNK_ROWS) * this.#width)
  }

  /** Into an empty column. */
  async restore(parts: SnapshotParts): Promise<void> {
    const rows = (await parts.json()) as number
    while (this.rows < rows) {
      const chunk = this.#room()
      const filled = Math.min(CHUNK_ROWS, rows - this.rows)
      await parts.into(chunk.subarray(0, filled * this.#width))
      this.rows += filled
    }
  }

  #room(): A {
    if (this.rows >>> CHUNK_BITS === this.#chunks.length) this.#chunks.push(this.#allocate(CHUNK_ROWS * this.#width))
    return this.#chunks[this.rows >>> CHUNK_BITS]!
  }
}

export const bytes = (width = 1): Column<Uint8Array> => new Column((cells) => new Uint8Array(cells), width)
export const shorts = (): Column<Int16Array> => new Column((cells) => new Int16Array(cells))
export const integers = (): Column<Int32Array> => new Column((cells) => new Int32Array(cells))
export const words = (width: number): Column<Uint32Array> => new Column((cells) => new Uint32Array(cells), width)
export const floats = (): Column<Float32Array> => new Column((cells) => new Float32Array(cells))
export const doubles = (): Column<Float64Array> => new Column((cells) => new Float64Array(cells))
