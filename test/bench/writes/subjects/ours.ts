/** The product's own sink store, on the product's own tables. */
import { join } from 'node:path'
import { assetTables, type AssetIds } from '#processors/store/asset-tables.ts'
import { toRow, type AssetRow } from '#processors/store/asset-row.ts'
import type { PartitionId, Progress } from '#runtime/loop/ports.ts'
import { PostgresSinkStore } from '#runtime/postgres/api.ts'
import { migrate } from '#runtime/postgres/migrate.ts'
import { assetOf, originOf, PARTITIONS, TOPIC, type AssetRange } from '../assets/asset-series.ts'
import { verifyOurs } from './ours-verified.ts'
import { commitsOf, numbersIn, onSession } from './session.ts'
import type { Subject } from './subject.ts'

const MIGRATIONS = join(import.meta.dirname, '..', '..', '..', '..', 'migrations')
const PARTITION_IDS: PartitionId[] = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: TOPIC, partition }))

/** As large as the raid5 profile's commits, so that a preloaded table is what a full one would be. */
const PRELOAD_COMMIT = 100_000

type Store = PostgresSinkStore<AssetRow, AssetIds>

export const ours: Subject = {
  name: 'sluice',
  design: 'ours',
  about: 'the sink store of this project: binary COPY, rows and progress in one transaction',
  async prepare(databaseUrl, preloaded) {
    await migrate({ databaseUrl, dir: MIGRATIONS })
    if (preloaded > 0) await ours.write(databaseUrl, { from: 0, count: preloaded }, PRELOAD_COMMIT)
    await ours.settle(databaseUrl)
  },
  write: (databaseUrl, range, rowsPerCommit) => withStore(databaseUrl, range.from, async (store) => {
    for (const commit of commitsOf(range, rowsPerCommit)) {
      const rows = numbersIn(commit).map((n) => toRow(assetOf(n), originOf(n)))
      await commitAll(store, rows, commit)
    }
  }),
  settle: (databaseUrl) => onSession(databaseUrl, async (client) => {
    // Every table of the product, whatever its layout: partitions are vacuumed with the table that they belong to.
    const { rows } = await client.query<{ name: string }>(
      "select quote_ident(relname) as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition order by relname")
    for (const { name } of rows) await client.query(`vacuum (freeze) ${name}`)
  }),
  verify: verifyOurs,
}

/** The same assets once more, as records at later offsets: what a replay of the topics before makes of them. */
export function writeAgain(databaseUrl: string, { from, count }: AssetRange, rowsPerCommit: number): Promise<void> {
  return withStore(databaseUrl, from + count, async (store) => {
    for (const commit of commitsOf({ from: from + count, count }, rowsPerCommit)) {
      const rows = numbersIn(commit).map((n) => {
        const { partition, offset } = originOf(n)
        return toRow(assetOf(n - count), { ...originOf(n - count), partition, offset })
      })
      await commitAll(store, rows, commit)
    }
  })
}

/** @throws Error when the progress in the database is not where the range begins */
async function withStore(databaseUrl: string, from: number, work: (store: Store) => Promise<void>): Promise<void> {
  const store: Store = new PostgresSinkStore({ sink: 'store', databaseUrl, rows: assetTables(), owner: 'bench' })
  try {
    const off = (await store.claim(PARTITION_IDS)).find(({ partition, offset }) => offset !== offsetBefore(from, partition))
    if (off) throw new Error(`partition ${off.partition} is at ${off.offset}, not at ${offsetBefore(from, off.partition)}`)
    await work(store)
  } finally {
    await store.close()
  }
}

async function commitAll(store: Store, rows: AssetRow[], range: AssetRange): Promise<void> {
  const { refused } = await store.commit({ rows, failures: [], progress: progressOf(range) })
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
