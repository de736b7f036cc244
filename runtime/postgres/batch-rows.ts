/** Rows of a batch as they go into the tables. */

/** A segment, or the tables themselves when they have none. */
export interface Place {
  segment: number | undefined
}

/** Rows of which another version is stored, where, and by which key; it is deleted when they are copied. */
export type Replaced<Row> = Map<Row, Place & { key: string }>

/** A row that Postgres refused. */
export interface Refusal<Row> {
  row: Row
  error: Error
}

/** The last row of each key, in the order in which the keys came. */
export function lastOfEachKey<Row>(rows: readonly Row[], keyOf: (row: Row) => string): readonly Row[] {
  const last = new Map<string, Row>()
  for (const row of rows) last.set(keyOf(row), row)
  return last.size === rows.length ? rows : [...last.values()]
}

/** The places in a batch of the rows that were refused, in order, with the reason: rows with one key share the fate of the last. */
export function refusedPlaces<Row>(rows: readonly Row[], refusals: readonly Refusal<Row>[], keyOf: ((row: Row) => string) | undefined): { index: number; error: Error }[] {
  if (refusals.length === 0) return []
  const identityOf = keyOf ?? ((row: Row) => row)
  const errors = new Map<unknown, Error>(refusals.map(({ row, error }) => [identityOf(row), error]))
  return rows.flatMap((row, index) => {
    const error = errors.get(identityOf(row))
    return error ? [{ index, error }] : []
  })
}
