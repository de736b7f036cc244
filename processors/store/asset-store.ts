/** The tables of assets, as the sink's store. */
import { defineService } from '#runtime/api.ts'
import { PostgresSinkStore, sinkOwner } from '#runtime/postgres/api.ts'
import type { AssetRow } from './asset-row.ts'
import { assetTables, type AssetIds } from './asset-tables.ts'

export const assetStore = defineService<PostgresSinkStore<AssetRow, AssetIds>>({
  name: 'asset-store',
  open: ({ config, log, at }) => new PostgresSinkStore({ sink: 'store', databaseUrl: config.databaseUrl, rows: assetTables(), owner: sinkOwner(), at, log }),
  close: (opened) => opened.close(),
})
