/**
 * The third peer: Kafka Connect with Debezium's JDBC sink, from a topic of flat records into a table of the same definition.
 * Its rate is that of its committed rows once it is warm.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import { ownCpuSecondsOf } from '#test/support/process-cost.ts'
import { contentsOf, isSame, type Contents } from '../contents.ts'
import type { Ground } from '../ground.ts'
import type { Subject } from '../subject.ts'
import type { ConnectPrograms } from './install.ts'
import { makePeerTable } from './peer-table.ts'
import { startWorker, type Worker } from './worker.ts'

const LOOK_MS = 50
const DEADLINE_MS = 200_000
/** Longer than a session that is at work says nothing. */
const QUIET_MS = 1_500
/** Java's compilers are at work for longer than ours: a third of the rows is not counted. */
const WARM_UP = 1 / 3

export interface ConnectRun { rowsPerSecond: number; rowsPerCpuSecond: number; verified: boolean }

export interface ConnectOptions {
  topic: string
  /** Rows in the topic. */
  count: number
  tasks: number
  /** Of the subject's first table. */
  expected: Contents
}

export function runConnect(programs: ConnectPrograms, ground: Ground, subject: Subject, { topic, count, tasks, expected }: ConnectOptions): Promise<ConnectRun> {
  return ground.withDatabase(subject, async (databaseUrl) => {
    const table = await makePeerTable(databaseUrl, subject.tables[0])
    const worker = await startWorker(programs, ground, { name: `${subject.name}-${tasks}`, topic, table: table.name, databaseUrl, tasks })
    try {
      const rates = await measure(worker, { databaseUrl, table: table.name, count })
      return { ...rates, verified: isSame(await contentsOf(databaseUrl, table, { vectorsAre: 'bytea' }), expected) }
    } finally {
      await worker.stop()
    }
  })
}

interface Point { ms: number; rows: number; cpuSeconds: number }

async function measure(worker: Worker, { databaseUrl, table, count }: { databaseUrl: string; table: string; count: number }): Promise<Omit<ConnectRun, 'verified'>> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const points = await watch(worker, client, table, count)
    const from = points.find(({ rows }) => rows >= WARM_UP * count) ?? points[0]!
    // The last point of all may have been told late.
    const to = points.findLast(({ rows }) => rows < count) ?? from
    const rows = to.rows - from.rows
    if (rows <= 0) throw new Error(`${count} rows are too few to measure Kafka Connect with`)
    return { rowsPerSecond: rows / ((to.ms - from.ms) / 1000), rowsPerCpuSecond: rows / (to.cpuSeconds - from.cpuSeconds) }
  } finally {
    await client.end()
  }
}

/**
 * When how many rows were committed, until all are. A session adds its rows to the table's statistics after a commit and
 * once a second; the last ones when it has been idle for ten, so near the end the rows themselves are counted.
 */
async function watch(worker: Worker, client: Client, table: string, count: number): Promise<Point[]> {
  const numberFrom = async (sql: string): Promise<number> => Number((await client.query<{ rows: string }>(sql)).rows[0]!.rows)
  const points: Point[] = []
  const deadlineMs = performance.now() + DEADLINE_MS
  for (;;) {
    const rows = await numberFrom(`select n_tup_ins as rows from pg_stat_user_tables where relname = '${table}'`)
    const last = points.at(-1)
    if (rows > (last?.rows ?? 0)) points.push({ ms: performance.now(), rows, cpuSeconds: ownCpuSecondsOf(worker.pid) })
    else if (last && performance.now() > last.ms + QUIET_MS && (await numberFrom(`select count(*) as rows from "${table}"`)) === count) return points
    const why = worker.ended()
    if (why !== undefined) throw new Error(`Kafka Connect ended: ${why}`)
    if (performance.now() > deadlineMs) throw new Error(`Kafka Connect stored ${rows} of ${count} rows in ${DEADLINE_MS} ms`)
    await wait(LOOK_MS)
  }
}
