/** One row per asset in Postgres, thousands in a commit, and one row per failure. */
import { defineSink } from '#runtime/api.ts'
import { assetClustered, assetFailed, assetStored } from '#topics'
import { announceFailure, announceRow } from './announcements.ts'
import { toRow } from './asset-row.ts'
import { assetStore } from './asset-store.ts'
import { packAsset, sizeOfPacked } from './asset-tables.ts'

export const store = defineSink({
  name: 'store',
  version: 1,
  reads: assetClustered,
  recordsDeadLetters: true,
  writes: [assetStored, assetFailed],
  store: assetStore,
  commit: {
    /** A row that comes alone can be read within some tens of milliseconds, and under load within a quarter of a second. */
    latency: { minRows: 1, maxRows: 5_000, maxBytes: 32 << 20, maxAgeMs: 250, lullMs: 8 },
    /**
     * Full stripes: the fixed cost of a commit (about 44 requests on four disks) is spread over up to 100,000 rows, or over
     * 20,000 when the topic has been read to its end. An asset is held with about 3.6 kB, so 256 MiB are some 74,000; with a
     * store that hangs, 768 MiB are held.
     */
    raid5: { minRows: 20_000, maxRows: 100_000, maxBytes: 256 << 20, maxAgeMs: 60_000, lullMs: 2_000 },
  },
  toRow: (asset, origin) => packAsset(toRow(asset, origin)),
  sizeOf: sizeOfPacked,
  announceRow: (row) => announceRow(row),
  announceFailure,
})
