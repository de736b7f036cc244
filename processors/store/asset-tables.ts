/** How an asset's row lies in the tables of `migrations/`. */
import { column, Dictionary, onePerRow, severalPerRow, type Column, type RowTables } from '#runtime/postgres/api.ts'
import type { Embedding } from '#schemas'
import type { AssetRow, FrameRow } from './asset-row.ts'
import { ModelIds } from './model-ids.ts'
import { encodeTags } from './tag-code.ts'

/** Numbers that the rows of one batch need. */
export interface AssetIds {
  tags: ReadonlyMap<string, number>
  models: ReadonlyMap<string, number>
}

type AssetColumn = Column<AssetRow, AssetIds>
type FrameColumn = Column<FrameRow, AssetIds>

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
  column('model', 'int2', ({ embedding }, { models }) => (embedding ? models.get(ModelIds.keyOf(embedding))! : null)),
  column('quality', 'int2', ({ first }) => first?.quality ?? null),
  column('nsfw', 'bool', ({ nsfw }) => nsfw),
  column('sha256', 'bytea', ({ sha256 }) => sha256),
  column('pixels', 'bytea', ({ first }) => first?.pixels ?? null),
  column('blockhash', 'bytea', ({ first }) => first?.blockhash ?? null),
  column('pdq', 'bytea', ({ first }) => first?.pdq ?? null),
  column('tags', 'bytea', ({ tags }, ids) => encodeTags(tags, ({ name }) => ids.tags.get(name)!)),
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

/** The tables, with dictionaries of their own. */
export function assetTables(): RowTables<AssetRow, AssetIds> {
  const tagNumbers = new Dictionary('tag')
  const modelNumbers = new ModelIds()
  return {
    tables: [
      onePerRow('asset', ASSET, { provenance: ['kafka_offset', 'kafka_partition', 'trace_id'] }),
      onePerRow('asset_detail', DETAIL, { key: 'asset_id' }),
      severalPerRow('asset_frame', FRAME, ({ frames }) => frames, { key: 'asset_id', order: ['frame'] }),
    ],
    segmentRows: SEGMENT_ROWS,
    keyOf: ({ id }) => id,
    originOf: ({ origin }) => origin,
    async prepare(rows, query) {
      return { tags: await tagNumbers.numbersOf(tagNames(rows), query), models: await modelNumbers.numbersOf(embeddings(rows), query) }
    },
  }
}

function* tagNames(rows: readonly AssetRow[]): Generator<string> {
  for (const { tags } of rows) for (const { name } of tags) yield name
}

function* embeddings(rows: readonly AssetRow[]): Generator<Embedding> {
  for (const { embedding } of rows) if (embedding) yield embedding
}
