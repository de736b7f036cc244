/** One decoder process, seen from its parent: started, given one job at a time, watched, killed. */
import type { ServiceEnvironment } from '#runtime/api.ts'
import { fork, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Code } from './codes.ts'
import type { Job, Ready, Reply } from './decoded.ts'
import { JOB_DEADLINE_MS, MAX_RESIDENT_BYTES } from './limits.ts'

export interface ChildLimits {
  jobDeadlineMs: number
  maxResidentBytes: number
}

export const CHILD_LIMITS: ChildLimits = { jobDeadlineMs: JOB_DEADLINE_MS, maxResidentBytes: MAX_RESIDENT_BYTES }

/** The process ended before it answered. */
export class DecoderLost extends Error {
  override readonly name = 'DecoderLost'
  readonly code: Code

  constructor(code: Code, reason: string) {
    super(reason)
    this.code = code
  }
}

const PROGRAM = join(import.meta.dirname, 'decoder-process.ts')
const MEMORY_CHECK_MS = 100
const PRLIMIT = '/usr/bin/prlimit'
/** Where ffmpeg is looked for: the environment, with whatever secrets it has, stays here. */
const SEARCH_PATH = ['/usr/local/bin', '/usr/bin', '/bin', '/opt/homebrew/bin', dirname(process.execPath)].join(':')
const MAX_STDERR_CHARACTERS = 4000
/** Data segment that Node takes for itself, most of it untouched. */
const NODE_DATA_BYTES = 1 << 30

interface Running {
  id: number
  resolve(reply: Reply): void
  reject(error: Error): void
}

export class DecoderChild {
  /** Jobs that it was given. */
  jobs = 0
  readonly #process: ChildProcess
  readonly #clock: ServiceEnvironment['clock']
  readonly #limits: ChildLimits
  readonly #scratchDir = mkdtempSync(join(tmpdir(), 'sluice-decoder-'))
  #running: Running | undefined
  #stderr = ''
  #ready = false
  #gone = false

  constructor(clock: ServiceEnvironment['clock'], limits: ChildLimits, program = PROGRAM) {
    this.#clock = clock
    this.#limits = limits
    this.#process = start(program, this.#scratchDir, limits)
    this.#process.stderr!.setEncoding('utf8').on('data', (text: string) => { this.#stderr = (this.#stderr + text).slice(-MAX_STDERR_CHARACTERS) })
    this.#process.on('message', (message: Ready | Reply) => this.#heard(message))
    this.#process.on('error', (error) => this.#closed(error.message))
    // What it started may hold its pipes open; 'close' then comes after its last message.
    this.#process.on('exit', () => killGroup(this.#process))
    this.#process.on('close', (code, signal) => this.#closed(signal ?? `exit code ${code}`))
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Whether it can take a job. */
  get usable(): boolean {
    return !this.#gone && this.#running === undefined
  }

  /**
   * Gives it a job, while it has no other. After a rejection it is gone.
   * @throws DecoderLost when it dies, or is killed for its time or memory; the signal's reason when that is aborted.
   */
  async run(job: Job, signal: AbortSignal): Promise<Reply> {
    this.jobs++
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    this.#running = { id: job.id, resolve, reject }
    const cancelDeadline = this.#clock.after(this.#limits.jobDeadlineMs, () => this.#lost('normalize.decoder-timeout', `no answer within ${this.#limits.jobDeadlineMs} ms`))
    const cancelWatch = this.#clock.every(MEMORY_CHECK_MS, () => this.#checkMemory())
    const abort = (): void => this.#end(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      if (this.#gone) throw new DecoderLost('normalize.decoder-crash', 'the decoder process had ended before')
      this.#process.send(job)
      return await promise
    } finally {
      this.#running = undefined
      cancelDeadline()
      cancelWatch()
      signal.removeEventListener('abort', abort)
    }
  }

  /** Kills it with all that it started, and removes its temporary files. Harmless when it is gone. */
  kill(): void {
    this.#end(new DecoderLost('normalize.decoder-crash', 'the decoder process was ended'))
  }

  #heard(message: Ready | Reply): void {
    if ('ready' in message) this.#ready = true
    else if (message.id === this.#running?.id) this.#running.resolve(message)
  }

  /** One that ends before it is ready would do so for every file. */
  #closed(how: string): void {
    this.#lost(this.#ready ? 'normalize.decoder-crash' : 'normalize.decoder-unusable', `the decoder process ended (${how}) ${lastWords(this.#stderr)}`)
  }

  #lost(code: Code, reason: string): void {
    this.#end(new DecoderLost(code, reason.trim()))
  }

  #end(error: Error): void {
    if (this.#gone) return
    this.#gone = true
    killGroup(this.#process)
    rmSync(this.#scratchDir, { recursive: true, force: true })
    this.#running?.reject(error)
  }

  #checkMemory(): void {
    const bytes = residentBytes(this.#process.pid)
    if (bytes > this.#limits.maxResidentBytes) this.#lost('normalize.decoder-memory', `${bytes} bytes resident, ${this.#limits.maxResidentBytes} allowed`)
  }
}

/** A process group of its own, no environment, no core dumps; where the system can, also bounded in data and file size. */
function start(program: string, scratchDir: string, limits: ChildLimits): ChildProcess {
  const bounds = ['--core=0', '--nofile=256', `--data=${limits.maxResidentBytes + NODE_DATA_BYTES}`, `--fsize=${limits.maxResidentBytes}`]
  const bounded = existsSync(PRLIMIT)
  return fork(program, [scratchDir], {
    detached: true, serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // One arena keeps what the decoder freed from staying resident.
    env: { PATH: SEARCH_PATH, LC_ALL: 'C', MALLOC_ARENA_MAX: '1' },
    ...(bounded ? { execPath: PRLIMIT, execArgv: [...bounds, process.execPath] } : { execArgv: [] }),
  })
}

/** The line of an uncaught error, not its stack; else the last line. */
function lastWords(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '')
  return (lines.findLast((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? '').slice(0, 300)
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    // Gone already; for a group of zombies macOS says EPERM.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

/** Memory of a process and its children; 0 where the system does not tell. */
function residentBytes(pid: number | undefined): number {
  if (pid === undefined) return 0
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean)
    return [String(pid), ...children].reduce((sum, id) => sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, 'latin1'))?.[1] ?? 0) * 1024, 0)
  } catch {
    // No /proc here, or one of them ended between the two reads: the next check sees.
    return 0
  }
}
