/** Stages as processes of their own, and what each costs. */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '#runtime/config.ts'
import { topology } from '#topology'

const ROOT = join(import.meta.dirname, '..', '..')

/** Clock ticks a second; fixed at 100 in Linux's interface to programs. */
const TICKS_PER_SECOND = 100

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
    cpuSeconds: () => Object.fromEntries([...children].map(([name, child]) => [name, cpuOf(child.pid!)])),
    stop: async () => {
      await Promise.all([...children.values()].map(endOf))
    },
  }
}

function startOne(stage: string, config: Config): ChildProcess {
  const env = {
    PATH: process.env['PATH'], KAFKA_BROKERS: config.kafkaBrokers.join(','), SCHEMA_REGISTRY_URL: config.registryUrl, DATABASE_URL: config.databaseUrl,
    SLUICE_APP: config.app, SLUICE_BLOBS: config.blobsDir, SLUICE_MODELS: config.modelsDir, SLUICE_MODEL: config.model,
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

/** Of a process, the children that it waited for, and those that run. */
function cpuOf(pid: number): number {
  const fields = statOf(pid)
  if (!fields) return 0
  const own = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / TICKS_PER_SECOND
  return childrenOf(pid).reduce((sum, child) => sum + cpuOf(child), own)
}

/** Fields of /proc/PID/stat from the third on (proc(5)); undefined when the process is gone. */
function statOf(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).filter((other) => statOf(other)?.[1] === String(pid))
}
