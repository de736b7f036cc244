/**
 * The stage `store` as it is, but in more of a hurry: it commits many times a second, makes a segment of what usually is
 * appended, and gives up on a server that does not answer within seconds, so that hundreds of commits of either kind can be
 * struck within a minute.
 */
import { assetTables, type AssetIds, type PackedAsset } from '#processors/store/asset-tables.ts'
import { store } from '#processors/store/processor.ts'
import { defineService, defineSink } from '#runtime/api.ts'
import { PostgresSinkStore, sinkOwner } from '#runtime/postgres/api.ts'

export const DEADLINE_MS = 2_500
const TIMEOUTS = { connectMs: 2_500, statementMs: 10_000, lockMs: 3_000, idleInTransactionMs: 3_000 }

/** Some batches are smaller, some are not. */
const SEGMENT_ROWS = 40
const MAX_ROWS = 100

const hastyStore = defineService<PostgresSinkStore<PackedAsset, AssetIds>>({
  name: 'hasty-store',
  open: ({ config, at }) => new PostgresSinkStore({
    sink: store.name, databaseUrl: config.databaseUrl, rows: { ...assetTables(), segmentRows: SEGMENT_ROWS }, owner: sinkOwner(), timeouts: TIMEOUTS, deadlineMs: DEADLINE_MS, at,
  }),
  close: (opened) => opened.close(),
})

const COMMIT = { ...store.commit.latency, maxRows: MAX_ROWS, maxAgeMs: 40 }

export const hastySink = defineSink<any, PackedAsset>({ ...store, store: hastyStore, commit: { latency: COMMIT, raid5: COMMIT } })
