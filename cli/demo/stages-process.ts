/** The stages in a process of their own, so that the demo's own work does not slow them; it cannot outlive the demo unless it is kept. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { environmentWith } from '#runtime/config.ts'
import { Halt } from '#runtime/errors.ts'
import { logPath, openLog, rotate, tail } from '#stack/logs.ts'
import { until, within } from '#stack/wait.ts'
import type { StagesReport } from '../stages.ts'
import { noteStages } from './kept.ts'

export interface StagesProcess {
  readonly pid: number
  readonly log: string
  /** Rejects when the process ends by itself. */
  readonly ended: Promise<never>
  report(): Promise<StagesReport>
  /** Lets it run on after us. */
  keep(): void
  stop(): Promise<void>
}

const DIR = '.sluice'
const MAIN = join(import.meta.dirname, '../main.ts')
const READY_DEADLINE_MS = 60_000
const ORDERLY_END_MS = 6_000
const FORCED_END_MS = 2_000
const HEALTH_DEADLINE_MS = 2_000

/**
 * Starts `sluice run --all` with these settings; resolves when every stage runs.
 * @throws Halt `demo.stages-ended` with the end of their log
 */
export async function startStagesProcess(settings: Readonly<Record<string, string>>, healthPort: number): Promise<StagesProcess> {
  rotate(DIR, 'stages')
  const log = openLog(DIR, 'stages')
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'run', '--all'], {
    stdio: ['ignore', log, log, 'ipc'], detached: true, // Ctrl-C is for us, and we then stop it in order
    env: environmentWith({ ...settings, SLUICE_HEALTH_PORT: String(healthPort), SLUICE_LOG_LEVEL: 'info' }),
  })
  closeSync(log)
  const running = new ChildStages(child, `http://127.0.0.1:${healthPort}/healthz`)
  try {
    await noteStages(running.pid)
    await Promise.race([until(async () => ((await running.report()).status === 'ok' ? true : undefined), AbortSignal.timeout(READY_DEADLINE_MS)), running.ended])
    return running
  } catch (error) {
    await running.stop()
    throw error
  }
}

class ChildStages implements StagesProcess {
  readonly pid: number
  readonly log = logPath(DIR, 'stages')
  readonly ended: Promise<never>
  readonly #child: ChildProcess
  readonly #health: string
  readonly #exit: Promise<true>
  #stopping = false

  constructor(child: ChildProcess, health: string) {
    this.#child = child
    this.#health = health
    this.pid = child.pid ?? 0
    this.#exit = new Promise((resolve) => {
      child.once('exit', () => resolve(true))
      child.once('error', () => resolve(true))
    })
    this.ended = this.#exit.then(() => new Promise<never>((_, reject) => {
      if (!this.#stopping) reject(new Halt('demo.stages-ended', `The stages ended by themselves. Their log ends:\n${tail(DIR, 'stages', 20)}`, `See ${this.log}.`))
    }))
    this.ended.catch(() => {}) // told to whoever waits for it
  }

  async report(): Promise<StagesReport> {
    const response = await fetch(this.#health, { signal: AbortSignal.timeout(HEALTH_DEADLINE_MS) })
    return await response.json() as StagesReport
  }

  keep(): void {
    this.#stopping = true
    this.#child.send('keep')
    this.#child.disconnect()
    this.#child.unref()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    for (const [signal, waitMs] of [['SIGTERM', ORDERLY_END_MS], ['SIGKILL', FORCED_END_MS]] as const) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.pid === 0) return
      this.#child.kill(signal)
      if (await within(this.#exit, waitMs)) return
    }
  }
}
