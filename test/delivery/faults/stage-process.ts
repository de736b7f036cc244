/** One process of a stage: started, listened to, signalled, and followed to its end. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { StageName } from './workload/topology.ts'
import type { Told } from './workload/main.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const MAIN = join(import.meta.dirname, 'workload', 'main.ts')

/** Last lines of the log that are kept for the report. */
const TAIL_LINES = 60

/** Types stripped and code compiled once, not at each of hundreds of starts. */
const COMPILE_CACHE = join(tmpdir(), 'sluice-compile-cache')

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  halted?: Extract<Told, { event: 'halted' }>
}

/** A failpoint that a process came by. */
export interface Struck { name: string; nth: number; action: string; atMs: number }

export interface Listeners {
  told?(told: Told): void
  struck?(struck: Struck): void
  /** A line of the log, parsed. */
  logged?(line: { msg?: string; [key: string]: unknown }): void
}

export class StageProcess {
  readonly stage: StageName
  readonly pid: number
  readonly startedAtMs = Date.now()
  readonly ended: Promise<Ended>
  /** Resolves when the process says that it runs; rejects when it ends before. */
  readonly started: Promise<void>
  readonly tail: string[] = []
  readonly #child: ChildProcess
  #halted: Ended['halted']
  #hasStarted = false
  #isStopped = false

  constructor(stage: StageName, env: Readonly<Record<string, string>>, listeners: Listeners = {}) {
    this.stage = stage
    this.#child = start(stage, env)
    this.pid = this.#child.pid!
    const started = Promise.withResolvers<void>()
    this.started = started.promise
    this.started.catch(() => {})
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const told = JSON.parse(line) as Told
      if (told.event === 'started') {
        this.#hasStarted = true
        started.resolve()
      }
      if (told.event === 'halted') this.#halted = told
      listeners.told?.(told)
    })
    createInterface({ input: this.#child.stderr! }).on('line', (line) => this.#hear(line, listeners))
    this.ended = new Promise((resolve) => this.#child.once('close', (code, signal) => {
      started.reject(new Error(`${stage} ended before it had started`))
      resolve({ code, signal, ...(this.#halted ? { halted: this.#halted } : {}) })
    }))
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  get hasStarted(): boolean {
    return this.#hasStarted
  }

  /** By SIGSTOP of ours. */
  get isFrozen(): boolean {
    return this.#isStopped
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.isAlive) return
    if (signal === 'SIGSTOP') this.#isStopped = true
    if (signal === 'SIGCONT') this.#isStopped = false
    this.#child.kill(signal)
  }

  #hear(line: string, { struck, logged }: Listeners): void {
    this.tail.push(line)
    if (this.tail.length > TAIL_LINES) this.tail.shift()
    const [word, name, nth, action] = line.split(' ')
    if (word === 'failpoint') {
      if (action === 'stop') this.#isStopped = true
      struck?.({ name: name!, nth: Number(nth), action: action!, atMs: Date.now() })
    } else if (logged && line.startsWith('{')) {
      try {
        logged(JSON.parse(line) as { msg?: string })
      } catch {
        // a line that was cut by the end of the process
      }
    }
  }
}

/** Tied to us by the kernel where that can be: when we are killed, so are they, also while they are stopped. */
function start(stage: StageName, env: Readonly<Record<string, string>>): ChildProcess {
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path))
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', MAIN, stage]
  const [file, ...args] = setpriv === undefined ? node : [setpriv, '--pdeathsig', 'KILL', '--', ...node]
  return spawn(file!, args, {
    cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
  })
}
