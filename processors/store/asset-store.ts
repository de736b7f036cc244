/** The tables of assets, as the sink's store. */
import { defineService } from '#runtime/api.ts'
import { checkServer, PostgresSinkStore, sinkOwner } from '#runtime/postgres/api.ts'
import { assetTables, type AssetIds, type PackedAsset } from './asset-tables.ts'

export const assetStore = defineService<PostgresSinkStore<PackedAsset, AssetIds>>({
  name: 'asset-store',
  open: ({ config, log, at }) => new PostgresSinkStore({
    sink: 'store', databaseUrl: config.databaseUrl, rows: assetTables(), owner: sinkOwner(), at, log,
    admit: (query) => checkServer(query, { profile: config.sinkProfile, accepted: config.acceptedSettings, log }),
  }),
  close: (opened) => opened.close(),
})
