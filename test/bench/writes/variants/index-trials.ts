/** What each candidate index costs an asset: the same narrow rows appended with it and without it. */
import type { Metric } from '../../result.ts'
import { assetOf, type AssetRange } from '../assets/asset-series.ts'
import type { VariantFigures } from '../report/variant-figures.ts'
import { copyLine, linesOf } from '../subjects/items.ts'
import { commitsOf, copyChunks, inTransaction, onSession } from '../subjects/session.ts'
import { nothing, type Experiment, type World } from './experiment.ts'
import { bytesPerAsset, requestsPerAsset } from './per-asset.ts'
import { onDatabase, onGround, ROOM } from './scene.ts'
import { figuresOf, measureWindow } from './window.ts'

const PLACE = 'index'
const ASSETS = 100_000
const ROWS_PER_COMMIT = 20_000
const PRELOADED = 2_000_000

/** All that the candidates are over, and nothing else. */
const TABLE = `create table narrow (id uuid not null, canonical_id uuid, event_at timestamptz not null, cluster integer, sha256 bytea not null, source_id text)`

/** By name; without an index comes first, since all others are told as the difference to it. */
const CANDIDATES: Readonly<Record<string, string>> = {
  'none': '',
  'id-btree': 'create unique index candidate on narrow (id)',
  'sha256-btree': 'create index candidate on narrow (sha256)',
  'sha256-hash': 'create index candidate on narrow using hash (sha256)',
  'source-id-btree': 'create index candidate on narrow (source_id)',
  'cluster-btree': 'create index candidate on narrow (cluster)',
  'canonical-id-btree': 'create index candidate on narrow (canonical_id) where canonical_id is not null',
  'event-at-btree': 'create index candidate on narrow (event_at)',
  'brin': `create index candidate on narrow using brin (sha256 bytea_bloom_ops (n_distinct_per_range = 400), canonical_id uuid_bloom_ops (n_distinct_per_range = 400),
    event_at timestamptz_minmax_multi_ops) with (pages_per_range = 64)`,
}

const NONE = 'none'

export const indexTrials: Experiment = {
  names: Object.keys(CANDIDATES).map(nameOf),
  run: (world) => onGround(ROOM, world, (ground) => onDatabase(ground, async (databaseUrl) => {
    world.log(`${PLACE}: filling with ${PRELOADED.toLocaleString('en')} narrow rows`)
    await onSession(databaseUrl, async (client) => {
      await client.query(TABLE)
      await copyChunks(client, COPY, linesOf(PRELOADED, narrowLine))
      await client.query('vacuum (freeze) narrow')
    })
    const variants: VariantFigures[] = []
    let stored = PRELOADED
    for (const candidate of Object.keys(CANDIDATES).filter((each) => each === NONE || world.wants(nameOf(each)))) {
      world.log(nameOf(candidate))
      await onSession(databaseUrl, (client) => client.query(`drop index if exists candidate; ${CANDIDATES[candidate]!}`))
      const range = { from: stored, count: ASSETS }
      const window = await measureWindow(ground, { databaseUrl, write: () => append(databaseUrl, range), settle: () => settle(databaseUrl) })
      variants.push(figuresOf({ name: nameOf(candidate), about: CANDIDATES[candidate] || 'no index', design: 'ours', rowsPerCommit: ROWS_PER_COMMIT, preloadedRows: stored, assets: ASSETS }, window, world.arrays))
      stored += ASSETS
    }
    await requireStored(databaseUrl, stored)
    return { ...nothing(), metrics: differences(variants, world) }
  })),
}

/** Bytes and member requests an asset above those of the table without an index. */
function differences([none, ...others]: VariantFigures[], { arrays }: World): Metric[] {
  const costs = (figures: VariantFigures): { bytes: number; requests: number } =>
    ({ bytes: bytesPerAsset(figures) ?? NaN, requests: requestsPerAsset(figures, arrays[0]!.name)?.immediate ?? NaN })
  const base = costs(none!)
  if (Number.isNaN(base.bytes)) return []
  return others.flatMap((figures) => {
    const { bytes, requests } = costs(figures)
    const name = figures.name.replace('/', '_').replaceAll('-', '_')
    return [{ name: `${name}_bytes`, value: bytes - base.bytes, unit: 'B/asset' }, { name: `${name}_requests`, value: requests - base.requests, unit: '/asset' }]
  })
}

const COPY = 'copy narrow (id, canonical_id, event_at, cluster, sha256, source_id) from stdin'

function narrowLine(n: number): string {
  const { assetId, verdict, submission, placement, content } = assetOf(n)
  return copyLine([assetId, verdict.of, new Date(submission.submittedAt).toISOString(), placement!.cluster, `\\\\x${content.sha256.toString('hex')}`, submission.sourceId])
}

function append(databaseUrl: string, range: AssetRange): Promise<void> {
  return onSession(databaseUrl, async (client) => {
    for (const { from, count } of commitsOf(range, ROWS_PER_COMMIT)) {
      await inTransaction(client, () => copyChunks(client, COPY, linesOf(count, (index) => narrowLine(from + index))))
    }
  })
}

async function settle(databaseUrl: string): Promise<void> {
  await onSession(databaseUrl, (client) => client.query('vacuum (freeze) narrow'))
}

async function requireStored(databaseUrl: string, expected: number): Promise<void> {
  const { rows } = await onSession(databaseUrl, (client) => client.query<{ count: number }>('select count(*)::int from narrow'))
  if (rows[0]!.count !== expected) throw new Error(`${rows[0]!.count} narrow rows are stored, not ${expected}`)
}

function nameOf(candidate: string): string {
  return `${PLACE}/${candidate}`
}
