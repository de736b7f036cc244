/**
 * Rows as the bytes of their tuples, made while their values are at hand. A sink holds thousands of rows until they are
 * committed: as values they are dozens of objects each, which the collector copies twice, and which are in no cache any
 * more when they are written at last. As bytes they are a few objects, and writing them is copying.
 *
 * What needs numbers of dictionaries is written last in its tuple, when those numbers are known.
 */
import { namesOf, type Column, type CopyTable, type TableTraits } from './copy-table.ts'
import { TupleBytes } from './tuple-bytes.ts'
import { compileFields, compileTuple } from './tuple-writer.ts'

/** A row's tuples, and what of the row is still asked for. */
export interface PackedRow<Kept> {
  kept: Kept
  /** Of all tables, one after the other. */
  bytes: Buffer
  /** For each table two places in `bytes`: where its content ends, and where its part does and the next one's begins. */
  cuts: readonly number[]
}

/** Adds a row's part in a table to the bytes; answers where its content ends. */
type Pack<Row> = (into: TupleBytes, row: Row) => number

/** Tables in the order in which their tuples are packed, and copied. */
export class RowPacker<Row extends Kept, Kept, Ids> {
  readonly #bytes = new TupleBytes()
  readonly #packs: Pack<Row>[] = []
  readonly #tables: CopyTable<PackedRow<Kept>, Ids>[] = []

  /** For packed rows; the first is the one that was named first. */
  get tables(): [CopyTable<PackedRow<Kept>, Ids>, ...CopyTable<PackedRow<Kept>, Ids>[]] {
    const [first, ...others] = this.#tables
    if (!first) throw new Error('rows: there is no table [R1]')
    return [first, ...others]
  }

  /** A table with one tuple for each row. `numbered`: the columns that need ids. */
  one(name: string, columns: Column<Row, unknown>[], numbered: Column<Kept, Ids>[], { key = 'id', provenance = [], order = [] }: TableTraits = {}): this {
    const [content, origin] = [columns.filter((each) => !provenance.includes(each.name)), columns.filter((each) => provenance.includes(each.name))]
    const [writeContent, writeOrigin, writeNumbered] = [compileFields(content), compileFields(origin), compileFields(numbered)]
    const [all, compared] = [[...content, ...origin, ...numbered], [...content, ...numbered]]
    const contentEnd = this.#packs.length * 2
    this.#packs.push((into, row) => {
      writeContent(into.writer, row, undefined)
      const end = into.length
      writeOrigin(into.writer, row, undefined)
      return end
    })
    this.#tables.push({
      name, key, order, columns: namesOf(all), content: namesOf(compared), has: () => true,
      write(writer, { kept, bytes, cuts }, ids) {
        writer.row(all.length)
        writer.rawPart(bytes, startOf(cuts, contentEnd), cuts[contentEnd + 1]!)
        writeNumbered(writer, kept, ids)
      },
      writeContent(writer, { kept, bytes, cuts }, ids) {
        writer.row(compared.length)
        writer.rawPart(bytes, startOf(cuts, contentEnd), cuts[contentEnd]!)
        writeNumbered(writer, kept, ids)
      },
    })
    return this
  }

  /** A table with a tuple for each part of a row, all of it content. */
  several<Part>(name: string, columns: Column<Part, unknown>[], partsOf: (row: Row) => readonly Part[], { key = 'id', order = [] }: Omit<TableTraits, 'provenance'> = {}): this {
    const write = compileTuple(columns)
    const end = this.#packs.length * 2 + 1
    this.#packs.push((into, row) => {
      for (const part of partsOf(row)) write(into.writer, part, undefined)
      return into.length
    })
    const writePacked: CopyTable<PackedRow<Kept>, Ids>['write'] = (writer, { bytes, cuts }) => writer.rawPart(bytes, startOf(cuts, end - 1), cuts[end]!)
    this.#tables.push({
      name, key, order, columns: namesOf(columns), content: namesOf(columns),
      has: ({ cuts }) => cuts[end]! > startOf(cuts, end - 1), write: writePacked, writeContent: writePacked,
    })
    return this
  }

  /** @throws TypeError, RangeError for a value that has no form in its column */
  pack(row: Row, kept: Kept): PackedRow<Kept> {
    const cuts: number[] = []
    this.#bytes.begin()
    for (const pack of this.#packs) cuts.push(pack(this.#bytes, row), this.#bytes.length)
    return { kept, bytes: this.#bytes.take(), cuts }
  }
}

function startOf(cuts: readonly number[], contentEnd: number): number {
  return contentEnd === 0 ? 0 : cuts[contentEnd - 1]!
}
