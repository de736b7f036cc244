/** Rows of a batch by their key. */

/** Rows with one key: the last is stored, all share its fate. */
export interface Group<Row> {
  key: string
  row: Row
  /** Places in the batch. */
  indices: number[]
  /** Where another version of the row is stored, which is deleted when this one is copied. */
  replaces?: Place
}

/** A segment, or the tables themselves when they have none. */
export interface Place {
  segment: number | undefined
}

/** A group whose row Postgres refused. */
export interface Refusal<Row> {
  group: Group<Row>
  error: Error
}

export function groupByKey<Row>(rows: readonly Row[], keyOf: (row: Row) => string): Group<Row>[] {
  const groups = new Map<string, Group<Row>>()
  rows.forEach((row, index) => {
    const key = keyOf(row)
    const group = groups.get(key)
    if (group) {
      group.row = row
      group.indices.push(index)
    } else groups.set(key, { key, row, indices: [index] })
  })
  return [...groups.values()]
}
