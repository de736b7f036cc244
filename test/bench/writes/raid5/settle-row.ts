/**
 * How one row gets its parity: md's own choice, from `handle_stripe_fill` and `handle_stripe_dirtying` in drivers/md/raid5.c
 * with `rmw_level` 1, the default. Sets of members are bits of a mask.
 */

export interface Row {
  /** Members whose page is overwritten whole. */
  overwritten: number
  /** Members whose page is overwritten in part. */
  patched: number
  /** Members whose page is in memory, as it is on the disk. */
  cached: number
  data: number
  parity: number
}

export type Method = 'full' | 'rmw' | 'rcw'

export interface Settlement {
  method: Method
  read: number
  write: number
}

/**
 * Not the blocks written are compared but the reads that are missing: what memory holds costs nothing, and on a tie the row is
 * reconstructed. A page that is written in part is read first, whatever is chosen.
 */
export function settleRow(row: Row, into: Settlement): void {
  const fill = row.patched & ~row.cached
  const known = row.cached | row.patched
  const readsToModify = (row.overwritten | row.parity) & ~known
  const readsToReconstruct = row.data & ~(row.overwritten | known)
  const modify = size(readsToModify) < size(readsToReconstruct)
  into.method = row.overwritten === row.data ? 'full' : modify ? 'rmw' : 'rcw'
  into.read = fill | (modify ? readsToModify : readsToReconstruct)
  into.write = row.overwritten | row.patched | row.parity
}

/** Members in a mask. */
export function size(mask: number): number {
  let count = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++
  return count
}
