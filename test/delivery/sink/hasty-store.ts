/**
 * The stage `store` as it is, but in more of a hurry: it commits many times a second, and gives up on a server that does not
 * answer after a second and a half, so that hundreds of commits can be struck within a minute.
 */
import { assetTables, type AssetIds } from '#processors/store/asset-tables.ts'
import type { AssetRow } from '#processors/store/asset-row.ts'
import { store } from '#processors/store/processor.ts'
import { defineService, defineSink } from '#runtime/api.ts'
import { PostgresSinkStore, sinkOwner } from '#runtime/postgres/api.ts'

export const DEADLINE_MS = 1_500
const TIMEOUTS = { connectMs: 1_500, statementMs: 10_000, lockMs: 3_000, idleInTransactionMs: 3_000 }

const hastyStore = defineService<PostgresSinkStore<AssetRow, AssetIds>>({
  name: 'hasty-store',
  open: ({ config, at }) => new PostgresSinkStore({
    sink: store.name, databaseUrl: config.databaseUrl, rows: assetTables(), owner: sinkOwner(), timeouts: TIMEOUTS, deadlineMs: DEADLINE_MS, at,
  }),
  close: (opened) => opened.close(),
})

const COMMIT = { ...store.commit.latency, maxAgeMs: 40 }

export const hastySink = defineSink<any, AssetRow>({ ...store, store: hastyStore, commit: { latency: COMMIT, raid5: COMMIT } })
