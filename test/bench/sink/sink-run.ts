/** Our sink, run as `sluice run` runs it, from a filled topic into empty tables; measured from the outside. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import type { StagesReport } from '#cli/stages.ts'
import { choosePorts } from '#stack/ports.ts'
import { ownCpuSecondsOf, rssBytesOf } from '#test/support/process-cost.ts'
import type { Ground } from './ground.ts'
import type { Subject } from './subject.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')

/** Often enough to see the end within a few thousandths of a run. */
const LOOK_MS = 25
const DEADLINE_MS = 240_000
const STOP_MS = 40_000
/** The first tenth opens connections, compiles the code and fills the caches; it is not measured. */
const WARM_UP = 0.1

export interface SinkRun {
  /** Rows that were taken in within the time; most of them, or there were too few to measure with. */
  measuredRows: number
  /** From the moment when the first tenth was taken in to the last commit. */
  rowsPerSecond: number
  /** Rows for each second of processor time of all threads, to the end of the process, announcements included. */
  rowsPerCpuSecond: number
  peakRssBytes: number
  /** Rows in each commit. */
  commits: number[]
}

interface Sample {
  ms: number
  cpuSeconds: number
  committed: number
  /** In a commit under way. */
  inFlight: number
  waiting: number
}

export interface SinkRunOptions {
  databaseUrl: string
  /** Rows that the topic holds. */
  count: number
  /** A group of its own, so that it starts at the topic's beginning. */
  app: string
  /** Of node. */
  args?: string[]
}

/**
 * Once the last record is taken in, the sink is told to stop: it stores what it has and ends, so the last commit does not
 * wait for company that will not come.
 */
export async function runSink({ config }: Ground, subject: Subject, { databaseUrl, count, app, args = [] }: SinkRunOptions): Promise<SinkRun> {
  const { health: port = 0 } = await choosePorts(['health'])
  const env = {
    PATH: process.env['PATH'], KAFKA_BROKERS: config.kafkaBrokers.join(','), SCHEMA_REGISTRY_URL: config.registryUrl, DATABASE_URL: databaseUrl,
    SLUICE_APP: app, SLUICE_STATE: config.stateDir, SLUICE_SINK_PROFILE: 'raid5', SLUICE_HEALTH_PORT: String(port),
  }
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args, ...subject.program], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'], env })
  const database = new Client({ connectionString: databaseUrl })
  await database.connect()
  try {
    return await measure(new Watch(child, port, database), count)
  } finally {
    await database.end()
    await end(child)
  }
}

async function measure(watch: Watch, count: number): Promise<SinkRun> {
  const from = await watch.until((sample) => takenIn(sample) >= WARM_UP * count)
  // What is in flight may be committed by the time it is asked for, so here it counts only once it is.
  await watch.until(({ committed, waiting }) => committed + waiting >= count)
  watch.stop()
  const to = await watch.until(({ committed }) => committed === count)
  const rows = count - takenIn(from)
  const cpuSeconds = await watch.ended(to.cpuSeconds)
  return {
    measuredRows: rows, rowsPerSecond: rows / ((to.ms - from.ms) / 1000), rowsPerCpuSecond: rows / (cpuSeconds - from.cpuSeconds),
    peakRssBytes: watch.peakRssBytes, commits: watch.commits,
  }
}

function takenIn({ committed, inFlight, waiting }: Sample): number {
  return committed + inFlight + waiting
}

/** Looks at the process, its health and its progress in the database, again and again. */
class Watch {
  peakRssBytes = 0
  readonly commits: number[] = []
  readonly #child: ChildProcess
  readonly #healthUrl: string
  readonly #database: Client
  readonly #deadlineMs = performance.now() + DEADLINE_MS
  #committed = 0

  constructor(child: ChildProcess, port: number, database: Client) {
    this.#child = child
    this.#healthUrl = `http://127.0.0.1:${port}/healthz`
    this.#database = database
  }

  async until(done: (sample: Sample) => boolean): Promise<Sample> {
    for (;;) {
      const sample = await this.#look()
      if (done(sample)) return sample
      if (performance.now() > this.#deadlineMs) throw new Error(`only ${sample.committed} rows were stored in ${DEADLINE_MS} ms`)
      if (this.#child.exitCode !== null) throw new Error(`the sink ended with ${this.#child.exitCode} after ${sample.committed} rows`)
      await wait(LOOK_MS)
    }
  }

  stop(): void {
    this.#child.kill('SIGTERM')
  }

  /** Waits for an orderly end; resolves to the processor seconds when it was last seen. */
  async ended(cpuSeconds: number): Promise<number> {
    let seconds = cpuSeconds
    while (this.#child.exitCode === null && this.#child.signalCode === null) {
      if (performance.now() > this.#deadlineMs) throw new Error('the sink does not end')
      seconds = Math.max(seconds, ownCpuSecondsOf(this.#child.pid!))
      this.#noteRss()
      await wait(LOOK_MS)
    }
    if (this.#child.exitCode !== 0) throw new Error(`the sink ended with ${this.#child.exitCode ?? this.#child.signalCode}`)
    return seconds
  }

  async #look(): Promise<Sample> {
    const committed = await this.#progress()
    const held = await this.#held()
    this.#noteRss()
    return { ms: performance.now(), cpuSeconds: ownCpuSecondsOf(this.#child.pid!), committed, ...held }
  }

  async #progress(): Promise<number> {
    const { rows } = await this.#database.query<{ rows: string }>('select coalesce(sum(next_offset), 0) as rows from sink_progress')
    const committed = Number(rows[0]!.rows)
    if (committed > this.#committed) this.commits.push(committed - this.#committed)
    this.#committed = committed
    return committed
  }

  /** What its only stage holds; nothing while nobody answers. */
  async #held(): Promise<Pick<Sample, 'inFlight' | 'waiting'>> {
    try {
      const { stages } = (await (await fetch(this.#healthUrl, { signal: AbortSignal.timeout(2_000) })).json()) as StagesReport
      const { inFlight = 0, waiting = 0 } = Object.values(stages)[0]!
      return { inFlight, waiting }
    } catch {
      return { inFlight: 0, waiting: 0 }
    }
  }

  #noteRss(): void {
    this.peakRssBytes = Math.max(this.peakRssBytes, rssBytesOf(this.#child.pid!))
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await closed
  clearTimeout(timer)
}
