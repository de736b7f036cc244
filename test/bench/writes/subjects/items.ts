/**
 * The old system's table of items, with the columns and indexes that such tables usually have. It is treated kindly where
 * nothing is known of it: no index for nearest neighbours (which would cost more than all the rest), no foreign keys.
 */
import type { Client } from 'pg'
import { numbersOf } from '#processors/embed/half.ts'
import { assetOf, originOf, randomId } from '../assets/asset-series.ts'
import { rawJson } from '../assets/raw-json.ts'
import { copyChunks, numbersIn } from './session.ts'

export const ITEMS_SQL = `
  create extension if not exists vector;
  create table items (
    id uuid not null,
    source varchar(100) not null,
    source_id varchar(200) not null,
    url text not null,
    media_type varchar(100),
    width integer,
    height integer,
    bytes bigint,
    sha256 varchar(64),
    blockhash varchar(64),
    duplicate_of uuid,
    cluster_id integer,
    nsfw boolean,
    metadata jsonb not null,
    embedding vector(512),
    created_at timestamptz not null,
    updated_at timestamptz not null default now()
  );`

/** Made after a bulk load, or at once on an empty table. */
export const ITEMS_INDEXES = [
  'alter table items add primary key (id)',
  'create unique index items_source on items (source, source_id)',
  'create index items_sha256 on items (sha256)',
  'create index items_cluster on items (cluster_id)',
  'create index items_created on items (created_at)',
]

/** In the order of `itemOf`. */
export const ITEM_COLUMNS = [
  'id', 'source', 'source_id', 'url', 'media_type', 'width', 'height', 'bytes', 'sha256', 'blockhash', 'duplicate_of', 'cluster_id', 'nsfw', 'created_at',
  'metadata', 'embedding',
] as const

/** What an upsert replaces. */
export const ITEM_UPDATES = ITEM_COLUMNS.filter((name) => !['id', 'source', 'source_id', 'created_at'].includes(name))

/** All but the last two: what stands in indexes, and little else. */
const NARROW = 14

/** Values for a statement, in the order of ITEM_COLUMNS. */
export function itemOf(n: number): unknown[] {
  return [...narrowItemOf(n), rawJson(n), vectorText(assetOf(n).embedding!.vector)]
}

function narrowItemOf(n: number): unknown[] {
  const { submission, content, normal, fingerprint, placement, tags } = assetOf(n)
  const { source, sourceId, uri } = submission
  return [
    randomId(n), source, sourceId, uri, content.sniffedType, normal.width, normal.height, content.bytes, content.sha256.toString('hex'),
    fingerprint.frames[0]!.blockhash.toString('hex'), null, placement!.cluster, tags.nsfw, new Date(originOf(n).eventTimeMs).toISOString(),
  ]
}

/** As programs without a binary form send it. */
function vectorText(vector: Buffer): string {
  return `[${numbersOf(vector).join(',')}]`
}

/** Rows that were there before have all that indexes hold, but neither JSON nor vector: a new row does not touch those of others. */
export async function loadNarrow(client: Client, count: number, extra: { columns: string[]; of(n: number): unknown[] } = { columns: [], of: () => [] }): Promise<void> {
  const columns = [...ITEM_COLUMNS.slice(0, NARROW), 'metadata', ...extra.columns]
  const line = (n: number): string => copyLine([...narrowItemOf(n), '{}', ...extra.of(n)])
  await copyChunks(client, `copy items (${columns.join(', ')}) from stdin`, linesOf(count, line))
}

/** Lines of COPY's text format, some thousands in a chunk. */
export function* linesOf(count: number, line: (n: number) => string, perChunk = 2_000): Generator<string> {
  for (let from = 0; from < count; from += perChunk) yield numbersIn({ from, count: Math.min(perChunk, count - from) }).map(line).join('')
}

/** None of the values holds a tab, a line break or a backslash. */
export function copyLine(values: unknown[]): string {
  return `${values.map((value) => (value === null ? '\\N' : String(value))).join('\t')}\n`
}

/** Text of an item's row, as `itemText` of this program makes it. Its number stands at the end of its source id. */
export const ITEM_NUMBER = "split_part(i.source_id, '-', 2)::bigint"

export const ITEM_TEXT = `concat_ws('|', i.id, i.source, i.source_id, i.url, i.sha256, i.bytes, i.cluster_id, i.metadata->>'etag', i.metadata->>'description', md5(vector_send(i.embedding)))`
