/** Reads what became of the demo's items back from the database, as anybody would. */
import { join } from 'node:path'
import pg from 'pg'
import { openCatalogue, type Asset } from '#client/catalogue.ts'
import { verdictOnPostgres } from '#runtime/postgres/errors.ts'
import type { StagesReport } from '../stages.ts'
import type { DemoFacts, FailedAsset, Kind, Relation, Search, StageFigures, StoredAsset } from './facts.ts'
import type { PreviewSource } from './report/previews.ts'
import type { Outcome } from './submit-items.ts'
import { takesDeadLetters } from './watch.ts'

/** As many as the demo submits at most. */
const MAX_ROWS = 10_000
const SEARCHES = 4
const HITS = 4
const CANDIDATES = 100

export interface ReadBack extends Pick<DemoFacts, 'assets' | 'failures' | 'searches' | 'rowsPerCommit' | 'model'> {
  previews: PreviewSource[]
}

export async function readBack(outcomes: readonly Outcome[], beganMs: number, { databaseUrl, blobsDir }: { databaseUrl: string; blobsDir: string }): Promise<ReadBack> {
  const catalogue = openCatalogue(databaseUrl)
  try {
    const byId = new Map(outcomes.map((outcome) => [outcome.assetId, outcome]))
    // The clocks of the database and of this process may differ a little.
    const rows = (await catalogue.rowsSince(new Date(beganMs - 60_000), { limit: MAX_ROWS })).filter(({ id }) => byId.has(id))
    const failures = (await catalogue.failures({ limit: MAX_ROWS })).flatMap(({ asset, stage, code, reason }): FailedAsset[] => {
      const outcome = asset === null ? undefined : byId.get(asset)
      return outcome ? [{ assetId: outcome.assetId, name: outcome.item.name, stage, code, reason }] : []
    })
    const assets = rows.map((row) => storedAsset(row, byId.get(row.id)!))
    const details = await readDetails(databaseUrl, rows.map(({ id }) => id))
    return {
      assets, failures, rowsPerCommit: details.rowsPerCommit, model: rows.find(({ model }) => model !== null)?.model ?? null,
      searches: await searchSome(assets, (to) => catalogue.similar(to), byId),
      previews: rows.map((row) => previewOf(row, byId.get(row.id)!, details.frames.get(row.id) ?? [], blobsDir)),
    }
  } finally {
    await catalogue.close()
  }
}

function storedAsset(row: Asset, { item, latencyMs }: Outcome): StoredAsset {
  const { id: assetId, relation, canonicalId: of, distance, evidence, cluster, width, height, durationSeconds, bytes, traceId } = row
  return {
    assetId, name: item.name, kind: row.kind as Kind, relation: relation as Relation, of, distance, evidence, cluster, latencyMs, width, height,
    durationMicros: durationSeconds === null ? null : Math.round(durationSeconds * 1e6), bytes, tags: row.tags.map(({ name }) => name), traceId,
  }
}

/**
 * One search for each of the first families; for files of the user's own, for the first pictures. Copies of what is
 * searched for are left out: that they are similar was said before.
 */
async function searchSome(assets: readonly StoredAsset[], similar: Similar, byId: ReadonlyMap<string, Outcome>): Promise<Search[]> {
  const byAsset = new Map(assets.map((asset) => [asset.assetId, asset]))
  const groupOf = (id: string): string => byAsset.get(id)?.of ?? id
  const originals = assets.filter(({ kind, relation }) => kind === 'image' && relation === 'original')
  const families = new Map(originals.toReversed().map((asset) => [byId.get(asset.assetId)?.item.family ?? asset.name, asset]))
  return Promise.all([...families.values()].slice(-SEARCHES).toReversed().map(async ({ assetId, name }) => {
    const others = (await similar({ id: assetId, k: CANDIDATES })).filter(({ id }) => groupOf(id) !== assetId)
    return { query: name, hits: others.slice(0, HITS).map(({ id, similarity }) => ({ name: byId.get(id)?.item.name ?? id, similarity })) }
  }))
}

type Similar = (to: { id: string; k: number }) => Promise<{ id: string; similarity: number }[]>

interface FrameRow { asset_id: string; pts_micros: string; blob: Buffer }

interface Details {
  frames: Map<string, FrameRow[]>
  /** In order of the commits. */
  rowsPerCommit: number[]
}

/** Rows of one transaction share its id, `xmin`. */
async function readDetails(databaseUrl: string, ids: readonly string[]): Promise<Details> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000, statement_timeout: 30_000 })
  client.on('error', () => {}) // the query's own error says it
  try {
    await client.connect()
    const frames = await client.query<FrameRow>('select asset_id, pts_micros, blob from asset_frame where asset_id = any($1::uuid[]) order by asset_id, frame', [ids])
    const commits = await client.query<{ count: string }>('select count(*) from asset where id = any($1::uuid[]) group by xmin::text order by min(stored_at)', [ids])
    return { frames: Map.groupBy(frames.rows, (row) => row.asset_id), rowsPerCommit: commits.rows.map(({ count }) => Number(count)) }
  } catch (error) {
    throw verdictOnPostgres(error)
  } finally {
    await client.end().catch(() => {})
  }
}

function previewOf({ kind }: Asset, { item }: Outcome, frames: readonly FrameRow[], blobsDir: string): PreviewSource {
  return {
    name: item.name, kind: kind as Kind,
    thumbnail: kind === 'image' ? item.path ?? null : null,
    frames: frames.map(({ pts_micros: ptsMicros, blob }) => ({ ptsMicros: Number(ptsMicros), path: blobPath(blobsDir, blob.toString('hex')) })),
    sound: kind === 'audio' ? item.path ?? null : null,
  }
}

function blobPath(blobsDir: string, hex: string): string {
  return join(blobsDir, hex.slice(0, 2), hex.slice(2, 4), hex)
}

export function stageFigures({ stages }: StagesReport, elapsedMs: number): StageFigures[] {
  return Object.entries(stages).map(([stage, { written = 0, dead = 0, retries }]) => (
    { stage, done: written, dead: takesDeadLetters(stage) ? 0 : dead, retries, perSecond: (written + dead) / Math.max(0.001, elapsedMs / 1000) }
  ))
}
