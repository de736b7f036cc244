/** What a sink imports to keep rows in Postgres. */
import { hostname } from 'node:os'
export { column, onePerRow, type Column, type CopyTable } from './copy-table.ts'
export { Dictionary, type Query } from './dictionary.ts'
export { RowPacker, type PackedRow } from './packed-rows.ts'
export { checkServer } from './server-settings.ts'
export { PostgresSinkStore, type RowTables, type SinkStoreOptions } from './sink-store.ts'

/** Tells this process from others in pg_stat_activity and `sink_progress`. */
export function sinkOwner(): string {
  return `${hostname()}:${process.pid}`
}
