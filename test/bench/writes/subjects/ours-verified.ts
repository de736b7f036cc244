/** Whether our tables hold what was written: every row by a digest, tags through the view that people read. */
import type { Client } from 'pg'
import type { FrameRow } from '#processors/store/asset-row.ts'
import { toRow } from '#processors/store/asset-row.ts'
import { assetOf, originOf, PARTITIONS, type AssetRange } from '../assets/asset-series.ts'
import { digestInDatabase, digestOf, md5, requireSame } from './digest.ts'
import { numbersIn, onSession } from './session.ts'

/** Readable tags are made row by row in PL/pgSQL: 1 in 50 rows shows whether they are right. */
const TAGS_OF_ONE_IN = 50

const NUMBER = `(a.kafka_offset * ${PARTITIONS} + a.kafka_partition)`

const ROWS = `
  select concat_ws('|', ${NUMBER}, a.id, encode(a.sha256, 'hex'), encode(a.pdq, 'hex'), md5(halfvec_send(a.embedding)), a.canonical_id,
    a.relation, a.kind, a.width, a.height, a.bytes, a.cluster, d.source, d.source_id, d.uri, d.media_type) as text
  from asset a join asset_detail d on d.asset_id = a.id where ${NUMBER} >= $1 and ${NUMBER} < $2`

const TAGS = `
  select concat_ws('|', v.id, array_to_string(v.tags, ',')) as text
  from asset a join asset_view v on v.id = a.id where ${NUMBER} >= $1 and ${NUMBER} < $2 and ${NUMBER} % ${TAGS_OF_ONE_IN} = 0`

const FRAMES = `
  select concat_ws('|', f.asset_id, f.frame, encode(f.blob, 'hex'), md5(halfvec_send(f.embedding))) as text
  from asset_frame f join asset a on a.id = f.asset_id where ${NUMBER} >= $1 and ${NUMBER} < $2`

export async function verifyOurs(databaseUrl: string, range: AssetRange, stored: number): Promise<void> {
  const numbers = numbersIn(range)
  const bounds = [range.from, range.from + range.count]
  await onSession(databaseUrl, async (client) => {
    // Without statistics the planner takes the range for a handful of rows, and would look each one up.
    await client.query('set enable_nestloop = off')
    await requireCount(client, stored)
    requireSame('asset and asset_detail', await digestInDatabase(client, ROWS, bounds), digestOf(numbers.map(rowText)))
    requireSame('asset_frame', await digestInDatabase(client, FRAMES, bounds), digestOf(numbers.flatMap(frameTexts)))
    requireSame('tags by asset_view', await digestInDatabase(client, TAGS, bounds), digestOf(numbers.filter((n) => n % TAGS_OF_ONE_IN === 0).map(tagText)))
  })
}

async function requireCount(client: Client, stored: number): Promise<void> {
  const { rows } = await client.query<{ assets: number; details: number }>('select (select count(*)::int from asset) as assets, (select count(*)::int from asset_detail) as details')
  const { assets, details } = rows[0]!
  if (assets !== stored || details !== stored) throw new Error(`${assets} assets with ${details} details are stored, not ${stored}`)
}

function rowText(n: number): string {
  const { id, sha256, first, embedding, canonicalId, relation, kind, width, height, bytes, cluster, detail } = toRow(assetOf(n), originOf(n))
  return [
    n, id, sha256.toString('hex'), first!.pdq.toString('hex'), md5(sent(embedding!.vector)), canonicalId,
    relation, kind, width, height, bytes, cluster, detail.source, detail.sourceId, detail.uri, detail.mediaType,
  ].filter((value) => value !== null).join('|')
}

function frameTexts(n: number): string[] {
  return toRow(assetOf(n), originOf(n)).frames.map(({ assetId, frame, blob, embedding }: FrameRow) => [assetId, frame, blob.toString('hex'), md5(sent(embedding!))].join('|'))
}

function tagText(n: number): string {
  const { assetId, tags } = assetOf(n)
  return `${assetId}|${tags.tags.map(({ name }) => name).join(',')}`
}

/** As `halfvec_send` writes it: dimensions, zero, and the numbers, big-endian. */
function sent(vector: Buffer): Buffer {
  const head = Buffer.from([vector.length >> 9, (vector.length >> 1) & 255, 0, 0])
  return Buffer.concat([head, Buffer.from(vector).swap16()])
}
