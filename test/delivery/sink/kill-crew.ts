/** Processes of the sink, one after the other, each killed at a failpoint of its own; the next one stands ready already. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import type { Orders } from './sink-process.ts'

const MAIN = join(import.meta.dirname, 'sink-process.ts')
const TAIL_BYTES = 4_000

export interface Worker {
  /** Resolves when the process has ended, with the signal that ended it. */
  ended: Promise<string | null>
  /** The last of what it wrote to standard error. */
  tail(): string
}

export class KillCrew {
  readonly #env: Record<string, string>
  #next: ChildProcess
  #working: ChildProcess | undefined

  constructor(env: Record<string, string>) {
    this.#env = env
    this.#next = this.#start()
  }

  /** Lets the process that stands ready begin, to die at these failpoints. */
  async begin(failpoints: string): Promise<Worker> {
    const child = this.#next
    await readyOf(child)
    this.#next = this.#start()
    this.#working = child
    let tail = ''
    child.stderr!.on('data', (chunk: Buffer) => (tail = (tail + chunk.toString()).slice(-TAIL_BYTES)))
    const ended = new Promise<string | null>((resolve) => child.once('exit', (_, signal) => resolve(signal)))
    child.send({ failpoints } satisfies Orders)
    return { ended, tail: () => tail }
  }

  async close(): Promise<void> {
    for (const child of [this.#next, this.#working]) {
      if (!child || child.exitCode !== null || child.signalCode !== null) continue
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    }
  }

  #start(): ChildProcess {
    const child = fork(MAIN, {
      execArgv: ['--disable-warning=ExperimentalWarning'], stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: join(tmpdir(), 'sluice-compile-cache'), ...this.#env },
    })
    ready.set(child, Promise.race([once(child, 'message'), once(child, 'exit').then(() => Promise.reject(new Error('the sink process ended before it was ready')))]))
    readyOf(child).catch(() => {}) // told to whoever waits for it
    return child
  }
}

const ready = new WeakMap<ChildProcess, Promise<unknown>>()

function readyOf(child: ChildProcess): Promise<unknown> {
  return ready.get(child)!
}
