/** How an asset's row lies in the tables of `migrations/`. */
import { column, Dictionary, onePerRow, RowPacker, severalPerRow, type Column, type PackedRow, type Query, type RowTables } from '#runtime/postgres/api.ts'
import { Reject } from '#runtime/api.ts'
import type { AssetRow, FrameRow, KeptAsset } from './asset-row.ts'
import { ModelIds } from './model-ids.ts'
import { TagNumbers } from './tag-list.ts'

/** A database's numbers: those that the rows of a batch need are known when it is written. */
export interface AssetIds {
  tags: TagNumbers
  models: ModelIds
}

type AssetColumn = Column<AssetRow, unknown>
type NumberedColumn = Column<KeptAsset, AssetIds>
type FrameColumn = Column<FrameRow, unknown>

const ASSET: AssetColumn[] = [
  column('event_at', 'timestamptz', ({ origin }) => origin.eventTimeMs),
  column('bytes', 'int8', ({ bytes }) => bytes),
  column('kafka_offset', 'int8', ({ origin }) => origin.offset),
  column('duration_micros', 'int8', ({ durationMicros }) => durationMicros),
  column('time_offset_micros', 'int8', ({ timeOffsetMicros }) => timeOffsetMicros),
  column('id', 'uuid', ({ id }) => id),
  column('trace_id', 'uuidBytes', ({ origin }) => origin.traceId),
  column('canonical_id', 'uuid', ({ canonicalId }) => canonicalId),
  column('kafka_partition', 'int4', ({ origin }) => origin.partition),
  column('cluster', 'int4', ({ cluster }) => cluster),
  column('cluster_similarity', 'float4', ({ clusterSimilarity }) => clusterSimilarity),
  column('width', 'int4', ({ width }) => width),
  column('height', 'int4', ({ height }) => height),
  column('matched', 'float4', ({ matched }) => matched),
  column('embedding', 'halfvec', ({ embedding }) => embedding?.vector ?? null),
  column('kind', 'int2', ({ kind }) => kind),
  column('relation', 'int2', ({ relation }) => relation),
  column('distance', 'int2', ({ distance }) => distance),
  column('quality', 'int2', ({ first }) => first?.quality ?? null),
  column('nsfw', 'bool', ({ nsfw }) => nsfw),
  column('sha256', 'bytea', ({ sha256 }) => sha256),
  column('pixels', 'bytea', ({ first }) => first?.pixels ?? null),
  column('blockhash', 'bytea', ({ first }) => first?.blockhash ?? null),
  column('pdq', 'bytea', ({ first }) => first?.pdq ?? null),
]

const NUMBERED: NumberedColumn[] = [
  column('model', 'int2', ({ model }, { models }) => model && models.numberOf(model)),
  column('tags', 'bytea', ({ tags }, ids) => tags && ids.tags.codeOf(tags)),
]

const DETAIL: AssetColumn[] = [
  column('asset_id', 'uuid', ({ id }) => id),
  column('source', 'text', ({ detail }) => detail.source),
  column('source_id', 'text', ({ detail }) => detail.sourceId),
  column('uri', 'text', ({ detail }) => detail.uri),
  column('final_uri', 'text', ({ detail }) => detail.finalUri),
  column('media_type', 'text', ({ detail }) => detail.mediaType),
  column('codec', 'text', ({ detail }) => detail.codec),
  column('evidence', 'text', ({ detail }) => detail.evidence),
  column('attributes', 'text[]', ({ detail }) => detail.attributes),
]

const FRAME: FrameColumn[] = [
  column('pts_micros', 'int8', ({ ptsMicros }) => ptsMicros),
  column('asset_id', 'uuid', ({ assetId }) => assetId),
  column('embedding', 'halfvec', ({ embedding }) => embedding),
  column('frame', 'int2', ({ frame }) => frame),
  column('quality', 'int2', ({ hashes }) => hashes?.quality ?? null),
  column('blob', 'bytea', ({ blob }) => blob),
  column('pixels', 'bytea', ({ hashes }) => hashes?.pixels ?? null),
  column('blockhash', 'bytea', ({ hashes }) => hashes?.blockhash ?? null),
  column('pdq', 'bytea', ({ hashes }) => hashes?.pdq ?? null),
]

/** A segment costs some 60 kB of catalog pages and a few files: 1 byte an asset from here on. */
const SEGMENT_ROWS = 50_000

const PROVENANCE = { provenance: ['kafka_offset', 'kafka_partition', 'trace_id'] }
const DETAIL_KEY = { key: 'asset_id' }
const FRAME_KEY = { key: 'asset_id', order: ['frame'] }

const framesOf = ({ frames }: AssetRow): FrameRow[] => frames

/** The tables for rows as they are, with dictionaries of their own. */
export function assetTables(): RowTables<AssetRow, AssetIds> {
  return {
    tables: [onePerRow('asset', [...ASSET, ...NUMBERED], PROVENANCE), onePerRow('asset_detail', DETAIL, DETAIL_KEY), severalPerRow('asset_frame', FRAME, framesOf, FRAME_KEY)],
    segmentRows: SEGMENT_ROWS,
    keyOf: ({ id }) => id,
    originOf: ({ origin }) => origin,
    prepare: preparer((row) => row),
  }
}

export type PackedAsset = PackedRow<KeptAsset>

const packer = new RowPacker<AssetRow, KeptAsset, AssetIds>()
  .one('asset', ASSET, NUMBERED, PROVENANCE)
  .one('asset_detail', DETAIL, [], DETAIL_KEY)
  .several('asset_frame', FRAME, framesOf, FRAME_KEY)

/** The row as it waits for its commit. @throws Reject `store.refused-row` for a value that its column cannot hold */
export function packAsset(row: AssetRow): PackedAsset {
  const { origin, id, relationName, canonicalId, cluster, tags, model } = row
  try {
    return packer.pack(row, { origin, id, relationName, canonicalId, cluster, tags, model })
  } catch (error) {
    throw new Reject('store.refused-row', `The row has no form in its tables: ${(error as Error).message}`, { cause: error })
  }
}

/** Bytes of the row's tuples, nearly. */
export function sizeOfPacked({ bytes, kept }: PackedAsset): number {
  return bytes.length + (kept.tags?.code.length ?? 0)
}

/** The same tables for packed rows. */
export function packedAssetTables(): RowTables<PackedAsset, AssetIds> {
  return {
    tables: packer.tables,
    segmentRows: SEGMENT_ROWS,
    keyOf: ({ kept }) => kept.id,
    originOf: ({ kept }) => kept.origin,
    prepare: preparer(({ kept }) => kept),
  }
}

/** Learns the numbers that rows need, outside of their transaction. */
function preparer<Row>(keptOf: (row: Row) => KeptAsset): (rows: readonly Row[], query: Query) => Promise<AssetIds> {
  const dictionary = new Dictionary('tag')
  const ids: AssetIds = { tags: new TagNumbers(), models: new ModelIds() }
  return async (rows, query) => {
    const kept = rows.map(keptOf)
    await ids.tags.learn(kept.flatMap(({ tags }) => tags ?? []), (names) => dictionary.numbersOf(names, query))
    await ids.models.learn(kept.flatMap(({ model }) => model ?? []), query)
    return ids
  }
}
