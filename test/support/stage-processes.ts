/** Stages as processes of their own, and what each costs. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Config } from '#runtime/config.ts'
import { topology } from '#topology'
import { cpuSecondsOf } from './process-cost.ts'

const ROOT = join(import.meta.dirname, '..', '..')

export interface StageProcesses {
  /** Ends a stage's process without a chance to clean up, and starts another. */
  killAndRestart(stage: string): Promise<void>
  /** CPU seconds, user and system, of each stage with its child processes. */
  cpuSeconds(): Record<string, number>
  stop(): Promise<void>
}

/** Starts `sluice run STAGE` for each stage. */
export function startStageProcesses(config: Config): StageProcesses {
  const children = new Map(topology.stages.map(({ name }) => [name, startOne(name, config)]))
  return {
    async killAndRestart(stage) {
      const child = children.get(stage)!
      const closed = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGKILL')
      await closed
      children.set(stage, startOne(stage, config))
    },
    cpuSeconds: () => Object.fromEntries([...children].map(([name, child]) => [name, cpuSecondsOf(child.pid!)])),
    stop: async () => {
      await Promise.all([...children.values()].map(endOf))
    },
  }
}

function startOne(stage: string, config: Config): ChildProcess {
  const env = {
    PATH: process.env['PATH'], KAFKA_BROKERS: config.kafkaBrokers.join(','), SCHEMA_REGISTRY_URL: config.registryUrl, DATABASE_URL: config.databaseUrl,
    SLUICE_APP: config.app, SLUICE_BLOBS: config.blobsDir, SLUICE_MODELS: config.modelsDir, SLUICE_STATE: config.stateDir, SLUICE_MODEL: config.model,
    SLUICE_FILE_ROOTS: config.fileRoots.join(','),
  }
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'cli/main.ts', 'run', stage, '--quiet'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'], env })
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const closed = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
  await closed
  clearTimeout(timer)
}
