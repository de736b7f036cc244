/**
 * Segments of a partitioned table: tables that hold one large batch each, beside the open segment 0, which takes the
 * small ones. What they save, and what they cost, is in DESIGN.md, "The store".
 *
 * The migrations have the functions `begin_segment(tables)` and `seal_segment(number, tables, rows, first, last)`, and
 * the catalog `segment`.
 */
import type { Query } from './dictionary.ts'

/** The open segment's number. */
export const OPEN = 0

/** Keys from the first to the last, both included; uuids as lower-case text compare like uuids. */
export interface KeyRange {
  first: string
  last: string
}

export interface Sealed extends KeyRange { number: number }

/**
 * The sealed segments as this owner has to know them. Keys of a partition are written by its owner only, so what a
 * claim reads, and what the owner seals itself, is all that can hold its keys.
 */
export class Segments {
  #sealed: Sealed[] = []

  /** To be read at every claim. */
  async load(query: Query): Promise<void> {
    this.#sealed = (await query<Sealed>('select number, first_id::text as first, last_id::text as last from segment')).rows
  }

  /** The sealed segments that may hold keys of this range. */
  among({ first, last }: KeyRange): Sealed[] {
    return this.#sealed.filter((sealed) => sealed.first <= last && sealed.last >= first)
  }

  /** Makes empty tables for a segment, to be filled in this (sub)transaction. */
  async begin(tables: string[], query: Query): Promise<number> {
    const { rows } = await query<{ number: number }>('select begin_segment($1) as number', [tables])
    return rows[0]!.number
  }

  /** Indexes and attaches a filled segment; call `sealed` when the transaction is committed. */
  async seal(segment: Sealed, tables: string[], rows: number, query: Query): Promise<void> {
    await query('select seal_segment($1, $2, $3, $4, $5)', [segment.number, tables, rows, segment.first, segment.last])
  }

  /** A segment of ours was committed. */
  sealed(segment: Sealed): void {
    this.#sealed.push(segment)
  }
}

/** A table of a segment. */
export function segmentTable(table: string, number: number): string {
  return number === OPEN ? `${table}_open` : `${table}_${number}`
}

/** Undefined for no rows. */
export function rangeOf<Row>(rows: readonly Row[], keyOf: (row: Row) => string): KeyRange | undefined {
  if (rows.length === 0) return undefined
  let first = keyOf(rows[0]!)
  let last = first
  for (const row of rows) {
    const key = keyOf(row)
    if (key < first) first = key
    else if (key > last) last = key
  }
  return { first, last }
}
