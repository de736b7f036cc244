/** A table that rows are copied into: its columns in wire order and how a value makes tuples of it. */
import { CopyWriter, type PgType, type PgValues } from './copy-binary.ts'

/** Writes one column of `Source`, given the store's `Ids` (numbers of dictionary entries). */
export interface Column<Source, Ids = unknown> {
  name: string
  write(writer: CopyWriter, source: Source, ids: Ids): void
}

export interface CopyTable<Row, Ids = unknown> {
  name: string
  columns: string[]
  /** Whether the row has tuples here. */
  has(row: Row): boolean
  /** Writes the row's tuples: one, none or several. */
  write(writer: CopyWriter, row: Row, ids: Ids): void
}

/** A column of a type; null is NULL. */
export function column<Source, Ids, T extends PgType>(name: string, type: T, of: (source: Source, ids: Ids) => PgValues[T] | null): Column<Source, Ids> {
  const write = CopyWriter.prototype[type] as (this: CopyWriter, value: PgValues[T]) => void
  return {
    name,
    write(writer, source, ids) {
      const value = of(source, ids)
      if (value === null) writer.null()
      else write.call(writer, value)
    },
  }
}

/** A table with one tuple for each row. */
export function onePerRow<Row, Ids>(name: string, columns: Column<Row, Ids>[]): CopyTable<Row, Ids> {
  return severalPerRow(name, columns, (row) => [row])
}

/** A table with a tuple for each part of a row. */
export function severalPerRow<Row, Part, Ids>(name: string, columns: Column<Part, Ids>[], partsOf: (row: Row) => readonly Part[]): CopyTable<Row, Ids> {
  return {
    name,
    columns: columns.map((each) => each.name),
    has: (row) => partsOf(row).length > 0,
    write(writer, row, ids) {
      for (const part of partsOf(row)) {
        writer.row(columns.length)
        for (const each of columns) each.write(writer, part, ids)
      }
    },
  }
}

/** The statement that the tuples are sent after. */
export function copyStatement(table: { name: string; columns: string[] }): string {
  return `copy ${quote(table.name)} (${table.columns.map(quote).join(', ')}) from stdin (format binary)`
}

/** An SQL identifier. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
