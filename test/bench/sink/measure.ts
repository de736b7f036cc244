/** One kind of row: our sink and every peer, one after the other. */
import { join } from 'node:path'
import type { Metric } from '../result.ts'
import { runConnect, type ConnectRun } from './connect/connect-run.ts'
import { flatTopic } from './connect/flat-topic.ts'
import type { ConnectPrograms } from './connect/install.ts'
import { expectedRows, holdsRows } from './contents.ts'
import { fill } from './fill.ts'
import { applyFlat, fillFlat, runFlat } from './flat-run.ts'
import { recordsIn, type Ground } from './ground.ts'
import { insertCommits } from './insert.ts'
import { metricsOf } from './metrics.ts'
import { copyCommits, exportCommits, removeCommits, type Commit } from './raw-copy.ts'
import { runSink, type SinkRun } from './sink-run.ts'
import type { Subject, TagNumbers } from './subject.ts'

const COPIES = 2
/** Commits that the slowest peer makes. */
const INSERTED_COMMITS = 2
const TASKS = [1, 2]

export interface Measuring {
  ground: Ground
  programs: ConnectPrograms
  subject: Subject
  rows: number
  connectRows: number
}

export interface Measured { verified: boolean; metrics: Metric[]; notes: string[]; peakRssBytes: number }

export async function measureSubject(measuring: Measuring): Promise<Measured> {
  const { ground, subject, rows } = measuring
  await ground.apply(subject.topology)
  await fill(ground, { topic: subject.topic, valueOf: subject.valueOf, count: rows })
  const dir = join(ground.dir, `${subject.name}-copy`)
  const ours = await measureOurs(ground, subject, { rows, dir })
  const checks = [ours.verified]
  const copyPerSecond = await best(COPIES, () => copied(measuring, ours, dir, checks))
  await removeCommits(dir)
  const insertPerSecond = await inserted(measuring, ours, checks)
  const connect = await connected(measuring, ours, checks)
  return {
    verified: checks.every((right) => right), peakRssBytes: ours.run.peakRssBytes,
    metrics: metricsOf(subject.name, { run: ours.run, flat: connect.flat, copyPerSecond, insertPerSecond, connect: connect.best }),
    notes: [`${subject.name} row: commits of ${ours.run.commits.map((each) => each.toLocaleString('en')).join(', ')}; Kafka Connect with ${connect.told}.`],
  }
}

interface Ours { verified: boolean; run: SinkRun; tags: TagNumbers; commits: Commit[] }

async function measureOurs(ground: Ground, subject: Subject, { rows, dir }: { rows: number; dir: string }): Promise<Ours> {
  return ground.withDatabase(subject, async (databaseUrl) => {
    const run = await runSink(ground, subject, { databaseUrl, count: rows, app: 'bench' })
    if (run.measuredRows < rows / 2) throw new Error(`${rows} rows are too few: the sink had ${rows - run.measuredRows} of them when it was first seen at work`)
    const tags = await subject.tagNumbers(databaseUrl)
    const verified = (await holdsRows(databaseUrl, subject, rows, tags)) && (await announcedAll(ground, subject, rows))
    return { run, tags, verified, commits: await exportCommits(databaseUrl, subject, dir) }
  })
}

async function announcedAll(ground: Ground, { announced }: Subject, rows: number): Promise<boolean> {
  return announced === undefined || (await recordsIn(ground, announced)) === rows
}

async function copied({ ground, subject, rows }: Measuring, { commits, tags }: Ours, dir: string, checks: boolean[]): Promise<number> {
  return ground.withDatabase(subject, async (databaseUrl) => {
    const seconds = await copyCommits(databaseUrl, commits, dir)
    checks.push(await holdsRows(databaseUrl, subject, rows, tags))
    return rows / seconds
  })
}

async function inserted({ ground, subject }: Measuring, { run, tags }: Ours, checks: boolean[]): Promise<number> {
  const commits = run.commits.slice(0, INSERTED_COMMITS)
  const rows = commits.reduce((sum, each) => sum + each, 0)
  return ground.withDatabase(subject, async (databaseUrl) => {
    const seconds = await insertCommits(subject, { databaseUrl, commits, tags })
    checks.push(await holdsRows(databaseUrl, subject, rows, tags))
    return rows / seconds
  })
}

/** Kafka Connect, and our sink from the same topic into the same table. */
async function connected({ ground, programs, subject, rows, connectRows }: Measuring, { tags }: Ours, checks: boolean[]): Promise<{ best: ConnectRun; flat: SinkRun; told: string }> {
  const topic = flatTopic(subject)
  await applyFlat(ground, subject)
  await fillFlat(ground, subject, tags, { from: 0, to: connectRows })
  const expected = expectedRows(subject.tables[0], connectRows, tags)
  const runs: ConnectRun[] = []
  for (const tasks of TASKS) runs.push(await runConnect(programs, ground, subject, { topic: topic.name, count: connectRows, tasks, expected }))
  await fillFlat(ground, subject, tags, { from: connectRows, to: rows })
  const flat = await runFlat(ground, subject, tags, rows)
  checks.push(flat.verified, ...runs.map(({ verified }) => verified))
  await ground.connection.admin.deleteTopics({ topics: [topic.name] })
  return {
    flat: flat.run,
    best: runs.reduce((one, other) => (other.rowsPerSecond > one.rowsPerSecond ? other : one)),
    told: runs.map(({ rowsPerSecond }, index) => `${TASKS[index]} task${TASKS[index] === 1 ? '' : 's'} ${Math.round(rowsPerSecond).toLocaleString('en')}/s`).join(', '),
  }
}

async function best(times: number, measure: () => Promise<number>): Promise<number> {
  let most = 0
  for (let time = 0; time < times; time++) most = Math.max(most, await measure())
  return most
}
