/** A table that rows are copied into: its columns in wire order and how a value makes tuples of it. */
import type { CopyWriter, PgType, PgValues } from './copy-binary.ts'
import { compileTuple, type TupleColumn } from './tuple-writer.ts'

/** A column's value in `Source`, given the store's `Ids` (numbers of dictionary entries). */
export interface Column<Source, Ids = unknown> extends TupleColumn<Source, Ids> {
  name: string
}

export interface CopyTable<Row, Ids = unknown> {
  name: string
  columns: string[]
  /** Column of the row's key, a uuid. */
  key: string
  /** Columns that say what the row is, as against how it came here: two rows with the same content are the same. */
  content: string[]
  /** Columns that order a row's tuples. */
  order: string[]
  /** Whether the row has tuples here; each has, when this is not said. */
  has?(row: Row): boolean
  /** Writes the row's tuples: one, none or several. */
  write(writer: CopyWriter, row: Row, ids: Ids): void
  /** Likewise, the columns of `content` only. */
  writeContent(writer: CopyWriter, row: Row, ids: Ids): void
}

/** What a table is besides its columns. */
export interface TableTraits {
  key?: string
  /** Columns that say where the row came from. */
  provenance?: string[]
  order?: string[]
}

/** A column of a type; null is NULL. */
export function column<Source, Ids, T extends PgType>(name: string, type: T, of: (source: Source, ids: Ids) => PgValues[T] | null): Column<Source, Ids> {
  return { name, type, of }
}

/** A table with one tuple for each row. */
export function onePerRow<Row, Ids>(name: string, columns: Column<Row, Ids>[], { key = 'id', provenance = [], order = [] }: TableTraits = {}): CopyTable<Row, Ids> {
  const content = columns.filter((each) => !provenance.includes(each.name))
  return { name, key, order, columns: namesOf(columns), content: namesOf(content), write: compileTuple(columns), writeContent: compileTuple(content) }
}

/** In wire order. */
export function namesOf(columns: readonly { name: string }[]): string[] {
  return columns.map(({ name }) => name)
}

/** The statement that the tuples are sent after. `freeze`: into a table that was made in the same (sub)transaction. */
export function copyStatement({ name, columns }: { name: string; columns: string[] }, { freeze = false } = {}): string {
  return `copy ${quote(name)} (${columns.map(quote).join(', ')}) from stdin (format binary${freeze ? ', freeze' : ''})`
}

/** An SQL identifier. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
