/** What all stages in one process cost while nothing comes. */
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openPipeline, type Pipeline } from '#test/support/pipeline.ts'
import { eventually } from '#test/support/eventually.ts'
import { cpuSecondsOf } from '#test/support/process-cost.ts'
import { groupOf } from '#runtime/run-stage.ts'
import { topology } from '#topology'
import type { Metric } from '../result.ts'

const SECONDS = 30
/** Code that is loaded at the start is compiled, and freed, a little later. */
const SETTLE_MS = 5_000
const ROOT = join(import.meta.dirname, '..', '..', '..')

export async function measureIdle(): Promise<{ verified: boolean; metrics: Metric[] }> {
  const pipeline = await openPipeline()
  const { config } = pipeline
  const env = {
    PATH: process.env['PATH'], KAFKA_BROKERS: config.kafkaBrokers.join(','), SCHEMA_REGISTRY_URL: config.registryUrl, DATABASE_URL: config.databaseUrl,
    SLUICE_APP: config.app, SLUICE_BLOBS: config.blobsDir, SLUICE_MODELS: config.modelsDir, SLUICE_MODEL: config.model,
  }
  const child = fork(join(ROOT, 'cli', 'main.ts'), ['run', '--all', '--quiet'], { cwd: ROOT, env, execArgv: [...process.execArgv, '--disable-warning=ExperimentalWarning'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  try {
    await eventually(() => assertStable(pipeline), 60_000)
    await wait(SETTLE_MS)
    const before = cpuSecondsOf(child.pid!)
    const startedMs = performance.now()
    await wait(SECONDS * 1000)
    const share = (cpuSecondsOf(child.pid!) - before) / ((performance.now() - startedMs) / 1000)
    await assertStable(pipeline)
    return { verified: child.exitCode === null, metrics: [{ name: 'idle_cpu', value: share, unit: 'cores', target: '< 0.02', met: share < 0.02 }] }
  } finally {
    child.kill('SIGTERM')
    await closed
    await pipeline.close()
  }
}

/** Every stage's group has its member. */
async function assertStable({ connection, config }: Pipeline): Promise<void> {
  const { groups } = await connection.admin.describeGroups(topology.stages.map((stage) => groupOf(config, stage)))
  const missing = groups.filter(({ state, members }) => state !== 'Stable' || members.length === 0)
  if (missing.length > 0) throw new Error(`not running: ${missing.map(({ groupId }) => groupId).join(', ')}`)
}
