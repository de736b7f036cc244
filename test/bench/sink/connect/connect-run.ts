/**
 * The third peer: Kafka Connect with Debezium's JDBC sink, from a topic of flat records into a table of the same definition.
 * Its rate is that of its committed rows once it is warm.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import { cpuSecondsOf } from '#test/support/process-cost.ts'
import { onServer } from '#test/support/database.ts'
import { contentsOf, isSame, type Contents } from '../contents.ts'
import type { Ground } from '../ground.ts'
import type { Subject } from '../subject.ts'
import type { ConnectPrograms } from './install.ts'
import { startWorker, type Worker } from './worker.ts'

const LOOK_MS = 50
const DEADLINE_MS = 200_000
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
  const [table] = subject.tables
  return ground.withDatabase(subject, async (databaseUrl) => {
    for (const { name } of table.columns.filter(({ kind }) => kind === 'halfvec')) await takeBytes(databaseUrl, table.name, name)
    const worker = await startWorker(programs, ground, { name: `${subject.name}-${tasks}`, topic, table: table.name, databaseUrl, tasks })
    try {
      const rates = await measure(worker, { databaseUrl, table: table.name, count })
      return { ...rates, verified: isSame(await contentsOf(databaseUrl, table, { vectorsAre: 'bytea' }), expected) }
    } finally {
      await worker.stop()
    }
  })
}

/** This release knows no type of pgvector's. The same bytes, without pgvector's look at each number. */
async function takeBytes(databaseUrl: string, table: string, column: string): Promise<void> {
  await onServer(databaseUrl, `alter table "${table}" alter column "${column}" type bytea using null; alter table "${table}" alter column "${column}" set storage plain`)
}

interface Point { ms: number; rows: number; cpuSeconds: number }

async function measure(worker: Worker, { databaseUrl, table, count }: { databaseUrl: string; table: string; count: number }): Promise<Omit<ConnectRun, 'verified'>> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const points = await watch(worker, client, table, count)
    const from = points.find(({ rows }) => rows >= WARM_UP * count)!
    // A session tells its last rows late, when it has been idle for some seconds.
    const to = points.findLast(({ rows }) => rows < count) ?? from
    const rows = to.rows - from.rows
    if (rows <= 0) throw new Error(`${count} rows are too few to measure Kafka Connect with`)
    return { rowsPerSecond: rows / ((to.ms - from.ms) / 1000), rowsPerCpuSecond: rows / (to.cpuSeconds - from.cpuSeconds) }
  } finally {
    await client.end()
  }
}

/** When how many rows were committed, until all are: sessions add theirs to the table's statistics after commits, once a second. */
async function watch(worker: Worker, client: Client, table: string, count: number): Promise<Point[]> {
  const points: Point[] = []
  const deadlineMs = performance.now() + DEADLINE_MS
  for (;;) {
    const { rows: [found] } = await client.query<{ rows: string }>('select n_tup_ins as rows from pg_stat_user_tables where relname = $1', [table])
    const rows = Number(found!.rows)
    if (rows > (points.at(-1)?.rows ?? 0)) points.push({ ms: performance.now(), rows, cpuSeconds: cpuSecondsOf(worker.pid) })
    if (rows >= count) return points
    const why = worker.ended()
    if (why !== undefined) throw new Error(`Kafka Connect ended: ${why}`)
    if (performance.now() > deadlineMs) throw new Error(`Kafka Connect stored ${rows} of ${count} rows in ${DEADLINE_MS} ms`)
    await wait(LOOK_MS)
  }
}
