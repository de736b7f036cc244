/** Layouts that could be built: one growing table, or sealed segments, with WAL for replicas and without. */
import type { Client } from 'pg'
import type { GroundOptions } from '../ground/ground.ts'
import { copyTuples, trialSubject, type LayoutTrial, type Tuples } from '../subjects/layout-trial.ts'
import type { Experiment } from './experiment.ts'
import { ROOM, sceneExperiment } from './scene.ts'

const ASSETS = 200_000
const COMMITS = [20_000, 100_000]

/** What is logged is only what replicas and backups by WAL need; a table made in the same transaction is not. */
const MINIMAL_WAL: GroundOptions = { ...ROOM, settings: { wal_level: 'minimal', max_wal_senders: 0 } }

const growing: LayoutTrial = {
  name: 'growing tables',
  about: 'COPY into the tables as they are, frozen by VACUUM',
  before: '',
  async commit(client, tuples) {
    for (const each of tuples) await copyTuples(client, each, each.table)
  },
  freeze: ['asset', 'asset_detail', 'asset_frame'],
  count: 'select count(*) from asset',
}

const sealed: LayoutTrial = {
  name: 'sealed segments',
  about: 'each commit a partition of its own: COPY FREEZE, then its indexes, then ATTACH',
  before: ['asset', 'asset_detail', 'asset_frame'].map((table) => `
    create table sealed_${table} (like ${table} including defaults including storage including constraints, segment integer not null) partition by list (segment);`).join(''),
  async commit(client, tuples, serial) {
    for (const each of tuples) await seal(client, each, serial)
  },
  freeze: [],
  count: 'select count(*) from sealed_asset',
}

const INDEXES: Readonly<Record<string, (segment: string) => string>> = {
  asset: (segment) => `alter table ${segment} add primary key (id);
    create index on ${segment} using brin (sha256 bytea_bloom_ops (n_distinct_per_range = 400), canonical_id uuid_bloom_ops (n_distinct_per_range = 400),
      event_at timestamptz_minmax_multi_ops) with (pages_per_range = 64);`,
  asset_detail: (segment) => `create index on ${segment} using brin (asset_id uuid_minmax_multi_ops, source_id text_bloom_ops (n_distinct_per_range = 2000)) with (pages_per_range = 32);`,
  asset_frame: (segment) => `create index on ${segment} using brin (asset_id uuid_minmax_multi_ops) with (pages_per_range = 32);`,
}

/** The check says what ATTACH would otherwise have to read the rows for. */
async function seal(client: Client, tuples: Tuples, serial: number): Promise<void> {
  const segment = `${tuples.table}_${serial}`
  await client.query(`create table ${segment} (like sealed_${tuples.table} including defaults including storage including constraints, check (segment = ${serial}));
    alter table ${segment} alter column segment set default ${serial}, set (toast_tuple_target = 1352)`)
  await copyTuples(client, tuples, segment, ', freeze')
  await client.query(`${INDEXES[tuples.table]!(segment)} alter table sealed_${tuples.table} attach partition ${segment} for values in (${serial})`)
}

export function layoutTrials(): Experiment[] {
  return [
    { ground: ROOM, trials: [growing, sealed], suffix: '' },
    { ground: MINIMAL_WAL, trials: [sealed], suffix: '+minimal-wal' },
  ].map(({ ground, trials, suffix }) => sceneExperiment({
    ground,
    parts: trials.flatMap((trial) => COMMITS.map((rowsPerCommit) => ({
      subject: trialSubject(trial),
      preloaded: 0,
      windows: [{ name: `layout/${trial.name.replace(' ', '-')}${suffix}/${rowsPerCommit}`, about: `${trial.about}${suffix === '' ? '' : '; wal_level minimal'}`, rowsPerCommit, assets: ASSETS }],
    }))),
  }))
}
