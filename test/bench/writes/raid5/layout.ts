/** Where things lie on a left-symmetric array, md's default: parity moves one member down each stripe, and data begin after it. */

/** The member that holds the parity of `stripe`. */
export function parityMember(stripe: number, disks: number): number {
  return disks - 1 - (stripe % disks)
}

/** The member that holds the stripe's `index`-th data chunk. */
export function dataMember(stripe: number, index: number, disks: number): number {
  return (parityMember(stripe, disks) + 1 + index) % disks
}
