/** The array that a device's events are replayed on, and what the replay tells of it. */

const KIB = 1_024
const MIB = 1_024 * KIB

/** One row of an array: a page on each member. md decides, reads and writes in rows (`RAID5_STRIPE_SIZE`). */
export const ROW_BYTES = 4 * KIB

export interface RaidArray {
  /** Members, parity included: 3 to 31. */
  disks: number
  /** Contiguous bytes on one member before the next one's turn; whole rows. */
  chunkBytes: number
  /** Rows that md keeps in memory, a page of every member each (`stripe_cache_size`; md grows it by itself under load). */
  stripeCacheRows: number
  /**
   * How long writes gather before their rows' parity is settled. 0 settles each event on arrival, apart from all others.
   * A flush, a FUA write or a full stripe cache ends the gathering early.
   */
  plugWindowUs: number
  /** The write-intent bitmap, internal to the members, or none. */
  bitmap: BitmapSettings | null
  /**
   * After this long without a write md marks the array clean in every member's superblock, and active again before the next
   * write (`safe_mode_delay`). null: never.
   */
  safeModeDelayUs: number | null
  /** Adjacent requests to one member become one, up to this size (`max_sectors_kb`); whole rows. */
  maxRequestBytes: number
}

export interface BitmapSettings {
  /** Bytes of each member that one bit stands for (`--bitmap-chunk`). */
  chunkBytes: number
  /** The period of md's daemon, which clears a bit two passes after its last write and writes that down in a third (`daemon_sleep`). */
  daemonSleepUs: number
}

/** Four disks with chunks of 64 KiB, for a log that is synced often; everything else as md and mdadm set it. */
export const DEFAULT_ARRAY: RaidArray = {
  disks: 4,
  chunkBytes: 64 * KIB,
  stripeCacheRows: 256,
  plugWindowUs: 0,
  bitmap: { chunkBytes: 64 * MIB, daemonSleepUs: 5_000_000 },
  safeModeDelayUs: 200_000,
  maxRequestBytes: MIB,
}

/** Requests are counted after merging. */
export interface MemberCost {
  reads: number
  /** Data, parity, bitmap and superblock. */
  writes: number
  flushes: number
  bytesRead: number
  bytesWritten: number
}

export interface RaidCost {
  members: MemberCost[]
  /** The sum over the members. */
  total: MemberCost
  /** "Member-disk requests": total.reads + total.writes. Flushes are apart. */
  requests: number
  /** What the file system asked to be written, before parity. */
  dataBytes: number
  /** Data pages that went to members: fewer bytes than asked for when blocks were overwritten while they gathered, more when parts of pages were written. */
  settledBytes: number
  /** How rows were settled: overwritten whole, by read-modify-write, or by reconstruct-write. */
  rows: { full: number; rmw: number; rcw: number }
  /** Among total.writes. */
  bitmapWrites: number
  /** Among total.writes. */
  superblockWrites: number
  /** Without cost: md drops discards unless it is told that its members return zeroes for them (`devices_handle_discard_safely`). */
  discardsIgnored: number
}

/** @throws RangeError on parameters that no array has. */
export function checkArray(array: RaidArray): void {
  const { disks, chunkBytes, stripeCacheRows, plugWindowUs, bitmap, safeModeDelayUs, maxRequestBytes } = array
  // Members are bits of a 32-bit mask.
  demand(Number.isInteger(disks) && disks >= 3 && disks <= 31, 'disks must be 3 to 31', disks)
  demand(wholeRows(chunkBytes), 'chunkBytes must be whole rows', chunkBytes)
  demand(wholeRows(maxRequestBytes), 'maxRequestBytes must be whole rows', maxRequestBytes)
  // With less, not even a stream could fill a stripe before it has to be settled.
  demand(Number.isInteger(stripeCacheRows) && stripeCacheRows * ROW_BYTES >= chunkBytes, 'stripeCacheRows must hold a chunk', stripeCacheRows)
  demand(plugWindowUs >= 0, 'plugWindowUs must not be negative', plugWindowUs)
  demand(bitmap === null || (wholeRows(bitmap.chunkBytes) && bitmap.daemonSleepUs > 0), 'bitmap must have a chunk of whole rows and a period', bitmap?.chunkBytes)
  demand(safeModeDelayUs === null || safeModeDelayUs > 0, 'safeModeDelayUs must be positive', safeModeDelayUs)
}

function wholeRows(bytes: number): boolean {
  return Number.isSafeInteger(bytes) && bytes > 0 && bytes % ROW_BYTES === 0
}

function demand(holds: boolean, message: string, found: unknown): void {
  if (!holds) throw new RangeError(`RAID5 array: ${message}, not ${String(found)}`)
}
