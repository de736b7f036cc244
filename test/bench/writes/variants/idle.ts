/** What a sink costs that has nothing to do: commits and WAL of a server with it, against the same server without. */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { connectTopics } from '#cli/topics.ts'
import { loadConfig, type Config } from '#runtime/config.ts'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { applyTopics } from '#runtime/kafka/topic-apply.ts'
import { planTopics } from '#runtime/kafka/topic-plan.ts'
import { createLog } from '#runtime/log.ts'
import { groupOf } from '#runtime/run-stage.ts'
import { startStack, type Stack } from '#stack/stack.ts'
import { eventually } from '#test/support/eventually.ts'
import { topology } from '#topology'
import type { Metric } from '../../result.ts'
import type { Ground } from '../ground/ground.ts'
import { ours } from '../subjects/ours.ts'
import { onSession } from '../subjects/session.ts'
import { nothing, type Experiment } from './experiment.ts'
import { onDatabase, onGround, ROOM } from './scene.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..', '..')
const NAME = 'idle'
const SECONDS = 60
const SECONDS_IN_FULL = 600

/** Sessions publish their last counts within 10 s; the background writer logs a snapshot of what was done within 25 s. */
const SETTLE_MS = 30_000

export const idle: Experiment = {
  names: [NAME],
  run: (world) => onGround({ ...ROOM, walPoolBytes: 0 }, world, (ground) => onDatabase(ground, async (databaseUrl) => {
    await ours.prepare(databaseUrl, 0)
    const seconds = world.full ? SECONDS_IN_FULL : SECONDS
    world.log(`${NAME}: ${seconds} s without a sink, ${seconds} s with one`)
    const without = await counted(databaseUrl, ground, seconds)
    const attached = await withSink(databaseUrl, () => counted(databaseUrl, ground, seconds))
    return { ...nothing(), metrics: metricsOf(attached, without), notes: [`Idle: ${seconds} s on the same server without a sink, and ${seconds} s with \`run store\` attached.`] }
  })),
}

interface Idleness { commits: number; walBytes: number }

function metricsOf(attached: Idleness, without: Idleness): Metric[] {
  const commits = attached.commits - without.commits
  const walBytes = Math.max(0, attached.walBytes - without.walBytes)
  return [
    { name: 'idle_commits', value: commits, unit: '', target: '0', met: commits === 0 },
    { name: 'idle_wal_bytes', value: walBytes, unit: 'B', target: '0', met: walBytes === 0 },
  ]
}

/** From a checkpoint on, with nothing of our own in between. */
async function counted(databaseUrl: string, ground: Ground, seconds: number): Promise<Idleness> {
  const name = new URL(databaseUrl).pathname.slice(1)
  // Another database's session: it does not count itself.
  const other = ground.databaseUrl
  await onSession(other, (client) => client.query('checkpoint'))
  await wait(SETTLE_MS)
  const before = await readCounters(other, name)
  await wait(seconds * 1000)
  const after = await readCounters(other, name)
  return { commits: after.commits - before.commits, walBytes: after.walBytes - before.walBytes }
}

async function readCounters(url: string, database: string): Promise<Idleness> {
  const text = "select xact_commit::float8 as commits, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as wal from pg_stat_database where datname = $1"
  const { rows } = await onSession(url, (client) => client.query<{ commits: number; wal: number }>(text, [database]))
  return { commits: rows[0]!.commits, walBytes: rows[0]!.wal }
}

/** With the sink's process, which owns all of its partitions when the work begins and still lives when it ends. */
async function withSink<T>(databaseUrl: string, work: () => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-idle-'))
  const stack = await startStack({ dir, parts: ['kafka', 'registry'], env: {} })
  const config = loadConfig({ ...stack.env(), DATABASE_URL: databaseUrl, SLUICE_APP: 'bench' })
  const connection = await connectKafka({ brokers: config.kafkaBrokers, clientId: 'bench' }, createLog('bench', 'error'))
  let sink: ChildProcess | undefined
  try {
    const surroundings = connectTopics(config, connection)
    await applyTopics(await planTopics(topology, surroundings), surroundings)
    sink = startSink(stack, databaseUrl)
    await eventually(() => requireClaimed(config, connection, databaseUrl), 60_000)
    const result = await work()
    if (sink.exitCode !== null) throw new Error(`the sink ended with ${sink.exitCode}`)
    return result
  } finally {
    await endOf(sink)
    await connection.close()
    await stack.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

function startSink(stack: Stack, databaseUrl: string): ChildProcess {
  const env = { PATH: process.env['PATH'], ...stack.env(), DATABASE_URL: databaseUrl, SLUICE_APP: 'bench', SLUICE_SINK_PROFILE: 'raid5' }
  return fork(join(ROOT, 'cli', 'main.ts'), ['run', 'store', '--quiet'], { cwd: ROOT, env, execArgv: [...process.execArgv, '--disable-warning=ExperimentalWarning'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
}

async function endOf(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null) return
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  child.kill('SIGTERM')
  await closed
}

/** The group has its member, and every partition that it reads has its owner in the database. */
async function requireClaimed(config: Config, { admin }: KafkaConnection, databaseUrl: string): Promise<void> {
  const { groups } = await admin.describeGroups([groupOf(config, { name: 'store' })])
  if (groups[0]?.state !== 'Stable' || groups[0].members.length === 0) throw new Error('the sink has not joined its group')
  const { rows } = await onSession(databaseUrl, (client) => client.query<{ claimed: number }>("select count(*)::int as claimed from sink_progress where topic = 'asset.clustered'"))
  if (rows[0]!.claimed < 6) throw new Error(`${rows[0]!.claimed} of 6 partitions are claimed`)
}
