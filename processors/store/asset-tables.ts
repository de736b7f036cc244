/** How an asset's row lies in the tables of `migrations/`. */
import { column, Dictionary, RowPacker, type Column, type PackedRow, type Query, type RowTables } from '#runtime/postgres/api.ts'
import { Reject } from '#runtime/api.ts'
import type { AssetRow, FrameRow, KeptAsset } from './asset-row.ts'
import { ModelIds, type Model } from './model-ids.ts'
import { encodeTags, recodeTags } from './tag-code.ts'
import { TagNumbers, type TagNames } from './tag-names.ts'

/** A database's numbers: those that the rows of a batch need are known when it is written. */
export interface AssetIds {
  tags: TagNumbers
  models: ModelIds
}

/** A row as it waits for its commit. */
export interface PackedAsset extends PackedRow, KeptAsset {}

type AssetColumn = Column<AssetRow, unknown>
type NumberedColumn = Column<PackedAsset, AssetIds>
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
  column('tags', 'bytea', (row, { tags }) => row.tagNames && recodeTags(row.slab, packer.asideIn(row), packer.endIn(row), tags.of(row.tagNames))),
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

const packer = new RowPacker<AssetRow, PackedAsset, AssetIds>(({ id, relationName, canonicalId, cluster, tagNames, model }, slab, start) => (
  { slab, start, id, relationName, canonicalId, cluster, tagNames, model }))
  .one('asset', ASSET, NUMBERED, PROVENANCE)
  .one('asset_detail', DETAIL, [], DETAIL_KEY)
  .several('asset_frame', FRAME, framesOf, FRAME_KEY)
  .aside((writer, { tags, tagNames }) => { if (tagNames) writer.raw(encodeTags(tags, (name) => tagNames.numberOf(name))) })

/** @throws Reject `store.*`, among them `store.refused-row` for a value that its column cannot hold */
export function packAsset(row: AssetRow): PackedAsset {
  try {
    return packer.pack(row)
  } catch (error) {
    throw error instanceof Reject ? error : rejectionOf(row, error)
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Why it has no form in its tables. That an id is no uuid is seen as it is written; looking at each beforehand is as much work. */
function rejectionOf({ id, canonicalId }: AssetRow, cause: unknown): Reject {
  const odd = [id, canonicalId].find((each) => each !== null && !UUID.test(each))
  if (odd != null) return new Reject('store.bad-asset-id', `${JSON.stringify(odd.slice(0, 64))} is no UUID.`, { cause })
  return new Reject('store.refused-row', `The row has no form in its tables: ${(cause as Error).message}`, { cause })
}

/** Bytes of the row's tuples, nearly. */
export function sizeOfPacked(row: PackedAsset): number {
  return packer.endIn(row) - row.start
}

/** With dictionaries of their own. */
export function assetTables(): RowTables<PackedAsset, AssetIds> {
  return { tables: packer.tables, segmentRows: SEGMENT_ROWS, keyOf: ({ id }) => id, prepare: preparer() }
}

/** Learns the numbers that rows need, outside of their transaction. */
function preparer(): (rows: readonly KeptAsset[], query: Query) => Promise<AssetIds> {
  const dictionary = new Dictionary('tag')
  const ids: AssetIds = { tags: new TagNumbers(), models: new ModelIds() }
  return async (rows, query) => {
    const [tagNames, models] = [new Set<TagNames>(), new Set<Model>()]
    for (const { tagNames: names, model } of rows) {
      if (names) tagNames.add(names)
      if (model) models.add(model)
    }
    for (const names of tagNames) await ids.tags.learn(names, (unknown) => dictionary.numbersOf(unknown, query))
    await ids.models.learn(models, query)
    return ids
  }
}
