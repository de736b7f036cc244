/** One row per asset in Postgres, thousands in a commit, and one row per failure. */
import { defineSink } from '#runtime/api.ts'
import { assetClustered, assetFailed, assetStored } from '#topics'
import { announceFailure, announceRow } from './announcements.ts'
import { sizeOf, toRow } from './asset-row.ts'
import { assetStore } from './asset-store.ts'

export const store = defineSink({
  name: 'store',
  version: 1,
  reads: assetClustered,
  recordsDeadLetters: true,
  writes: [assetStored, assetFailed],
  store: assetStore,
  commit: {
    /** A row can be read a quarter of a second after its record came. */
    latency: { maxRows: 5_000, maxBytes: 16 << 20, maxAgeMs: 250 },
    /** Full stripes: the fixed cost of a commit (about 44 requests on four disks) is spread over 100,000 rows. */
    raid5: { maxRows: 100_000, maxBytes: 256 << 20, maxAgeMs: 60_000 },
  },
  toRow,
  sizeOf,
  announceRow,
  announceFailure,
})
