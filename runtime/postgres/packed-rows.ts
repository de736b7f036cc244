/**
 * Rows as the bytes of their tuples, made while their values are at hand. A sink holds thousands of rows until they are
 * committed: as values they are dozens of objects each, which the collector copies twice, and which are in no cache any
 * more when they are written at last. As bytes they are one object, and writing them is copying.
 *
 * What needs numbers of dictionaries is written last in its tuple, when those numbers are known.
 */
import type { CopyWriter } from './copy-binary.ts'
import { namesOf, type Column, type CopyTable, type TableTraits } from './copy-table.ts'
import { TupleBytes } from './tuple-bytes.ts'
import { compileFields, compileTuple } from './tuple-writer.ts'

/**
 * Where a row's bytes are: in memory that hundreds of rows share. They begin with places, of 4 bytes each, counted from
 * `start`: for each table where its part begins, and where the content in it ends; then where what was put aside begins,
 * and where that ends.
 */
export interface PackedRow {
  readonly slab: Buffer
  readonly start: number
}

/** Adds a row's part to the bytes, and says where the content in it ends. */
type Pack<Row> = (into: TupleBytes, row: Row) => void

/** Tables in the order in which their tuples are packed, and copied. */
export class RowPacker<Row, Packed extends PackedRow, Ids> {
  readonly #keep: (row: Row, slab: Buffer, start: number) => Packed
  readonly #bytes = new TupleBytes()
  readonly #packs: Pack<Row>[] = []
  readonly #tables: CopyTable<Packed, Ids>[] = []
  #writeAside: Pack<Row> = () => {}

  /** `keep` makes the one object that a row is from then on: with what is asked for besides its tuples. */
  constructor(keep: (row: Row, slab: Buffer, start: number) => Packed) {
    this.#keep = keep
  }

  /** For packed rows; the first is the one that was named first. */
  get tables(): [CopyTable<Packed, Ids>, ...CopyTable<Packed, Ids>[]] {
    const [first, ...others] = this.#tables
    if (!first) throw new Error('rows: there is no table [R1]')
    return [first, ...others]
  }

  /** A table with one tuple for each row. `numbered`: the columns that need ids. */
  one(name: string, columns: Column<Row, unknown>[], numbered: Column<Packed, Ids>[], { key = 'id', provenance = [], order = [] }: TableTraits = {}): this {
    const [content, origin] = [columns.filter((each) => !provenance.includes(each.name)), columns.filter((each) => provenance.includes(each.name))]
    const [writeContent, writeOrigin, writeNumbered] = [compileFields(content), compileFields(origin), compileFields(numbered)]
    const [all, compared] = [[...content, ...origin, ...numbered], [...content, ...numbered]]
    const begin = this.#packs.length * 2
    this.#packs.push((into, row) => {
      writeContent(into.writer, row, undefined)
      noteEnd(into, begin + 1)
      writeOrigin(into.writer, row, undefined)
    })
    this.#tables.push({
      name, key, order, columns: namesOf(all), content: namesOf(compared),
      write(writer, row, ids) {
        writer.row(all.length)
        writer.rawPart(row.slab, placeIn(row, begin), placeIn(row, begin + 2))
        writeNumbered(writer, row, ids)
      },
      writeContent(writer, row, ids) {
        writer.row(compared.length)
        writer.rawPart(row.slab, placeIn(row, begin), placeIn(row, begin + 1))
        writeNumbered(writer, row, ids)
      },
    })
    return this
  }

  /** A table with a tuple for each part of a row, all of it content. */
  several<Part>(name: string, columns: Column<Part, unknown>[], partsOf: (row: Row) => readonly Part[], { key = 'id', order = [] }: Omit<TableTraits, 'provenance'> = {}): this {
    const write = compileTuple(columns)
    const begin = this.#packs.length * 2
    this.#packs.push((into, row) => {
      for (const part of partsOf(row)) write(into.writer, part, undefined)
      noteEnd(into, begin + 1)
    })
    const writePacked: CopyTable<Packed, Ids>['write'] = (writer, row) => writer.rawPart(row.slab, placeIn(row, begin), placeIn(row, begin + 2))
    this.#tables.push({
      name, key, order, columns: namesOf(columns), content: namesOf(columns),
      has: (row) => placeIn(row, begin + 2) > placeIn(row, begin), write: writePacked, writeContent: writePacked,
    })
    return this
  }

  /** Bytes of no table, of which numbered columns are made later. */
  aside(write: (writer: CopyWriter, row: Row) => void): this {
    this.#writeAside = (into, row) => write(into.writer, row)
    return this
  }

  /** @throws TypeError, RangeError for a value that has no form in its column */
  pack(row: Row): Packed {
    const bytes = this.#bytes
    const places = this.#packs.length * 2 + 2
    bytes.begin()
    bytes.writer.skip(places * 4)
    for (let table = 0; table < this.#packs.length; table++) {
      noteEnd(bytes, table * 2)
      this.#packs[table]!(bytes, row)
    }
    noteEnd(bytes, places - 2)
    this.#writeAside(bytes, row)
    noteEnd(bytes, places - 1)
    const packed = this.#keep(row, bytes.slab, bytes.start)
    bytes.keep()
    return packed
  }

  /** In its slab, where what was put aside begins. */
  asideIn(row: Packed): number {
    return placeIn(row, this.#packs.length * 2)
  }

  /** In its slab, where the row ends. */
  endIn(row: Packed): number {
    return placeIn(row, this.#packs.length * 2 + 1)
  }
}

/** Notes, as one of the row's places, where it ends so far. */
function noteEnd(bytes: TupleBytes, place: number): void {
  bytes.slab.writeInt32LE(bytes.length, bytes.start + place * 4)
}

function placeIn({ slab, start }: PackedRow, place: number): number {
  return start + slab.readInt32LE(start + place * 4)
}
