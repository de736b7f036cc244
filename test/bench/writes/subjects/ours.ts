/** The product's own sink store, on the product's own tables. */
import { join } from 'node:path'
import { assetTables, packAsset, type AssetIds, type PackedAsset } from '#processors/store/asset-tables.ts'
import { toRow } from '#processors/store/asset-row.ts'
import type { PartitionId, Progress } from '#runtime/loop/ports.ts'
import { PostgresSinkStore, type RowTables } from '#runtime/postgres/api.ts'
import { migrate } from '#runtime/postgres/migrate.ts'
import { assetOf, originOf, PARTITIONS, TOPIC, type AssetRange } from '../assets/asset-series.ts'
import { verifyOurs } from './ours-verified.ts'
import { commitsOf, numbersIn, onSession } from './session.ts'
import type { Subject } from './subject.ts'

const MIGRATIONS = join(import.meta.dirname, '..', '..', '..', '..', 'migrations')
const PARTITION_IDS: PartitionId[] = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: TOPIC, partition }))

const ABOUT = 'the sink store of this project: rows and progress in one transaction, by binary COPY'

/** As large as the raid5 profile's commits, so that a preloaded table is what a full one would be. */
const PRELOAD_COMMIT = 100_000

type Store = PostgresSinkStore<PackedAsset, AssetIds>

/** What a trial changes of the product. */
export interface OursOptions {
  name?: string
  about?: string
  /** Run after the migrations, on the empty tables. */
  sql?: string
  /** From how many rows on a batch becomes a segment; as in the product when absent. */
  segmentRows?: number
}

export const ours = oursWith({})

/** The product's store, or a variation of it. */
export function oursWith({ name = 'sluice', about = ABOUT, sql, segmentRows }: OursOptions): Subject {
  const rows = segmentRows === undefined ? assetTables : () => ({ ...assetTables(), segmentRows })
  const subject: Subject = {
    name, about,
    design: 'ours',
    async prepare(databaseUrl, preloaded) {
      await migrate({ databaseUrl, dir: MIGRATIONS })
      if (sql !== undefined) await onSession(databaseUrl, (client) => client.query(sql))
      if (preloaded > 0) await subject.write(databaseUrl, { from: 0, count: preloaded }, PRELOAD_COMMIT)
      await subject.settle(databaseUrl)
    },
    write: (databaseUrl, range, rowsPerCommit) => withStore(databaseUrl, rows(), range.from, async (store) => {
      for (const commit of commitsOf(range, rowsPerCommit)) await commitAll(store, numbersIn(commit).map((n) => packAsset(toRow(assetOf(n), originOf(n)))), commit)
    }),
    settle: freezeUnfrozen,
    verify: verifyOurs,
  }
  return subject
}

/** What is not frozen yet: a segment that was written frozen costs nothing more. */
async function freezeUnfrozen(databaseUrl: string): Promise<void> {
  await onSession(databaseUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(`
      select quote_ident(relname) as name from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r' and pg_relation_size(oid) / current_setting('block_size')::int > relallfrozen order by relname`)
    for (const { name } of rows) await client.query(`vacuum (freeze) ${name}`)
  })
}

/** The same assets once more, as records at later offsets: what a replay of the topics before makes of them. */
export function writeAgain(databaseUrl: string, { from, count }: AssetRange, rowsPerCommit: number): Promise<void> {
  return withStore(databaseUrl, assetTables(), from + count, async (store) => {
    for (const commit of commitsOf({ from: from + count, count }, rowsPerCommit)) {
      const rows = numbersIn(commit).map((n) => {
        const { partition, offset } = originOf(n)
        return packAsset(toRow(assetOf(n - count), { ...originOf(n - count), partition, offset }))
      })
      await commitAll(store, rows, commit)
    }
  })
}

/** @throws Error when the progress in the database is not where the range begins */
async function withStore(databaseUrl: string, tables: RowTables<PackedAsset, AssetIds>, from: number, work: (store: Store) => Promise<void>): Promise<void> {
  const store: Store = new PostgresSinkStore({ sink: 'store', databaseUrl, rows: tables, owner: 'bench' })
  try {
    const off = (await store.claim(PARTITION_IDS)).find(({ partition, offset }) => offset !== offsetBefore(from, partition))
    if (off) throw new Error(`partition ${off.partition} is at ${off.offset}, not at ${offsetBefore(from, off.partition)}`)
    await work(store)
  } finally {
    await store.close()
  }
}

async function commitAll(store: Store, rows: PackedAsset[], range: AssetRange): Promise<void> {
  const { refused } = await store.commit({ rows, originOf: (index) => originOf(range.from + index), failures: [], progress: progressOf(range) })
  if (refused.length > 0) throw new Error(`${refused.length} rows were refused: ${refused[0]!.failure.reason}`)
}

function progressOf({ from, count }: AssetRange): Progress[] {
  return PARTITION_IDS
    .map(({ topic, partition }) => ({ topic, partition, from: offsetBefore(from, partition), to: offsetBefore(from + count, partition) }))
    .filter((progress) => progress.from < progress.to)
}

/** How many assets before number `n` stand in the partition: the offset that comes next. */
function offsetBefore(n: number, partition: number): number {
  return Math.floor((n - partition + PARTITIONS - 1) / PARTITIONS)
}
