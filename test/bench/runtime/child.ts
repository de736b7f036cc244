/** Programs that are measured, from the outside. */
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { cpuSecondsOf, rssBytesOf } from '#test/support/process-cost.ts'
import type { BareSpec, Contents } from './bare-program.ts'
import type { Cost } from './child-side.ts'
import type { Restore, StageSpec } from './stage-program.ts'

/** What programs say, by the kind of message. */
export interface Reports {
  cost: Cost
  contents: Contents
  restore: Restore
  /** Every second. */
  progress: { written: number; dead: number }
}

export interface Child {
  /** The next message of this kind. Rejects when the program ends or `timeoutMs` pass first. */
  next<K extends keyof Reports>(kind: K, timeoutMs?: number): Promise<Reports[K]>
  /** User and system, all threads. */
  cpuSeconds(): number
  rssBytes(): number
  /** Asks it to end in order, and waits until it has. */
  stop(): Promise<void>
}

const STOP_MS = 30_000
const REPORT_MS = 120_000

export function startStage(spec: StageSpec): Child {
  return start('stage-program.ts', spec)
}

export function startBare(spec: BareSpec): Child {
  return start('bare-program.ts', spec)
}

function start(program: string, spec: object): Child {
  const child = fork(join(import.meta.dirname, program), [JSON.stringify(spec)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return {
    next: (kind, timeoutMs = REPORT_MS) => new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer)
        child.off('message', take).off('close', gone)
        act()
      }
      const take = (message: unknown): void => {
        if (kind in (message as object)) settle(() => resolve((message as Reports)[kind]))
      }
      const gone = (): void => settle(() => reject(new Error(`${program} ended with ${child.exitCode ?? child.signalCode} before it told its ${kind}`)))
      const timer = setTimeout(() => settle(() => reject(new Error(`${program} did not tell its ${kind} in ${timeoutMs} ms`))), timeoutMs)
      child.on('message', take).on('close', gone)
    }),
    cpuSeconds: () => cpuSecondsOf(child.pid!),
    rssBytes: () => rssBytesOf(child.pid!),
    async stop() {
      if (child.connected) child.send('stop')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await closed
      clearTimeout(timer)
    },
  }
}
