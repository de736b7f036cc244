/** Searches the stored rows. A file is brought to normal form and embedded as the pipeline does it. */
import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import pg from 'pg'
import { openCatalogue } from '#client/catalogue.ts'
import { systemClock } from '#runtime/clock.ts'
import type { Config } from '#runtime/config.ts'
import { verdictOnPostgres } from '#runtime/postgres/errors.ts'
import { ServicePool } from '#runtime/run-stage.ts'
import { encoder } from '#processors/embed/encoder.ts'
import { pooled } from '#processors/embed/half.ts'
import { decoder } from '#processors/normalize/decoder.ts'
import { openLog } from './command.ts'
import { UsageError } from './failure.ts'

export interface Hit {
  id: string
  /** Cosine similarity, or the tag's confidence. */
  score: number
  uri: string | null
}

const DECODE_DEADLINE_MS = 120_000
const TAG_DEADLINE_MS = 30_000

/** The k nearest to a stored asset or to a file. */
export async function searchLike(like: string, k: number, config: Config): Promise<Hit[]> {
  const catalogue = openCatalogue(config.databaseUrl)
  try {
    const target = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(like) ? { id: like } : await vectorOf(like, config)
    return (await catalogue.similar({ ...target, k })).map(({ id, similarity, uri }) => ({ id, score: similarity, uri }))
  } finally {
    await catalogue.close()
  }
}

async function vectorOf(file: string, config: Config): Promise<{ vector: number[]; model: string }> {
  const path = await realpath(file).catch((error: Error) => { throw new UsageError(`${file} cannot be read: ${error.message}`) })
  const services = new ServicePool({ config, clock: systemClock, log: await openLog(config) })
  try {
    const opened = await services.openAll({ decoder, encoder })
    const { frames } = await opened.decoder.decode(path, '', AbortSignal.timeout(DECODE_DEADLINE_MS))
    if (frames.length === 0) throw new UsageError(`${file} has no pictures to compare: sounds have no vector.`)
    const vectors = await Promise.all(frames.map(({ jpeg }) => opened.encoder.vectorOf(sha256(jpeg), async () => Buffer.from(jpeg))))
    const vector = vectors.length === 1 ? vectors[0] : pooled(vectors)
    if (vector === undefined) throw new UsageError(`The frames of ${file} cancel out.`)
    return { vector: fromHalf(vector), model: opened.encoder.card.id }
  } finally {
    await services.closeAll()
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** Half precision, little-endian, as it is on the wire. */
function fromHalf(bytes: Buffer): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / 2 }, (_, index) => view.getFloat16(index * 2, true))
}

/** Assets with a tag, the surest first. Tags are kept in the rows, so all rows are looked at. */
export async function searchTag(tag: string, k: number, { databaseUrl }: Config): Promise<Hit[]> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000, statement_timeout: TAG_DEADLINE_MS, application_name: 'sluice search' })
  client.on('error', () => {}) // the query's own error says it
  try {
    await client.connect()
    const { rows } = await client.query<Hit>(`
      select t.asset_id as id, max(t.confidence) as score, min(d.uri) as uri from asset_tag t left join asset_detail d on d.asset_id = t.asset_id
      where t.name = $1 group by 1 order by 2 desc, 1 limit $2`, [tag.trim().toLowerCase(), k])
    return rows
  } catch (error) {
    throw verdictOnPostgres(error)
  } finally {
    await client.end().catch(() => {})
  }
}
