/** Ways of laying rows out that were tried, as evidence for the one that was taken. A trial is one entry of `TRIALS`. */
import type { GroundOptions } from '../ground/ground.ts'
import { oursWith } from '../subjects/ours.ts'
import type { Experiment } from './experiment.ts'
import { ROOM, sceneExperiment } from './scene.ts'

interface Trial {
  name: string
  about: string
  /** Of the server, beside those of every ground. */
  settings?: GroundOptions['settings']
  /** Run on the product's empty tables. */
  sql?: string
  /** From how many rows on a batch becomes a segment; Infinity for none. */
  segmentRows?: number
  commits: number[]
  assets: number
  /** Belongs to every run, and not only to the whole load. */
  usual?: boolean
}

/** What is logged is only what a crash needs: a table made in the same transaction is synced instead. No replica, no backup by WAL. */
const MINIMAL_WAL = { wal_level: 'minimal', max_wal_senders: 0 }

/** 512 signs of a vector. Attaching a segment builds its part of the index in the same transaction. */
const BINARY_HNSW = 'create index on asset using hnsw ((binary_quantize(embedding::halfvec(512))::bit(512)) bit_hamming_ops) with (m = 16, ef_construction = 64)'

const TRIALS: Trial[] = [
  { name: 'growing', about: 'no segments: every batch is appended to the open tables and frozen by VACUUM', segmentRows: Infinity, commits: [100_000, 20_000], assets: 200_000, usual: true },
  { name: 'segments', about: 'every batch a sealed segment: COPY FREEZE, indexes, ATTACH', segmentRows: 1, commits: [20_000, 100_000], assets: 200_000 },
  { name: 'segments+minimal-wal', about: 'sealed segments that are not logged but synced: wal_level minimal', segmentRows: 1, settings: MINIMAL_WAL, commits: [100_000, 20_000], assets: 200_000, usual: true },
  { name: 'segments+hnsw', about: 'sealed segments with a binary-quantised HNSW index each', segmentRows: 1, sql: BINARY_HNSW, commits: [20_000], assets: 20_000 },
]

/** The server setting that halves the writes, as its variant is named. */
export const MINIMAL_WAL_VARIANT = 'layout/segments+minimal-wal/100000'

/** `all`, or those of every run with their first commit size. */
export function layoutTrials(all: boolean): Experiment[] {
  return TRIALS.filter(({ usual }) => all || usual).map(({ name, about, settings = {}, commits, assets, ...options }) => sceneExperiment({
    ground: { ...ROOM, settings },
    parts: (all ? commits : commits.slice(0, 1)).map((rowsPerCommit) => ({
      subject: oursWith({ name, about, ...options }),
      preloaded: 0,
      windows: [{ name: `layout/${name}/${rowsPerCommit}`, about, rowsPerCommit, assets }],
    })),
  }))
}
