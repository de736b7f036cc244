/**
 * One function for a table's tuples, made of its columns: each column is then a call of its own, which the engine can
 * follow and inline, where a loop over columns leaves it with one call for all of them.
 */
import type { CopyWriter, PgType } from './copy-binary.ts'

export interface TupleColumn<Source, Ids> {
  type: PgType
  of(source: Source, ids: Ids): unknown
}

export type TupleWriter<Source, Ids> = (writer: CopyWriter, source: Source, ids: Ids) => void

/** Writes a tuple: the number of fields, then the fields. */
export function compileTuple<Source, Ids>(columns: readonly TupleColumn<Source, Ids>[]): TupleWriter<Source, Ids> {
  return compile(columns, `writer.row(${columns.length})`)
}

/** Writes the fields only, as a part of a tuple. */
export function compileFields<Source, Ids>(columns: readonly TupleColumn<Source, Ids>[]): TupleWriter<Source, Ids> {
  return compile(columns, '')
}

/** Fields in the order of the columns; null is NULL. Nothing but the names of types, which are ours, goes into the text. */
function compile<Source, Ids>(columns: readonly TupleColumn<Source, Ids>[], head: string): TupleWriter<Source, Ids> {
  const names = columns.map((_, n) => `of${n}`)
  const fields = columns.map(({ type }, n) => `
      value = ${names[n]}(source, ids)
      if (value === null) writer.null()
      else writer[${JSON.stringify(type)}](value)`)
  const make = new Function(...names, `'use strict'
    return (writer, source, ids) => {
      let value
      ${head}${fields.join('')}
    }`) as (...of: TupleColumn<Source, Ids>['of'][]) => TupleWriter<Source, Ids>
  return make(...columns.map(({ of }) => of))
}
