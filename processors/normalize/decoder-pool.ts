/** A bounded number of decoder processes and a queue before them. */
import { Halt, Reject, type ServiceEnvironment } from '#runtime/api.ts'
import { CODES, type Code } from './codes.ts'
import { CHILD_LIMITS, DecoderChild, DecoderLost, type ChildLimits } from './decoder-child.ts'
import type { Decoded, Job, Reply } from './decoded.ts'
import { JOBS_PER_PROCESS } from './limits.ts'

export interface PoolOptions {
  /** Decoder processes at once; each runs one job, be it a picture or an ffmpeg. */
  size: number
  clock: ServiceEnvironment['clock']
  log: ServiceEnvironment['log']
  limits?: ChildLimits
  jobsPerProcess?: number
  /** For tests: another program than the decoder. */
  program?: string
}

/** A crash may be the machine's doing (its out-of-memory killer), so the file is given a second, fresh process. */
const MAX_ATTEMPTS = 2
const WORTH_A_SECOND_ATTEMPT: Code[] = ['normalize.decoder-crash', 'normalize.decoder-unusable']

export class DecoderPool {
  readonly #options: PoolOptions
  readonly #idle: DecoderChild[] = []
  readonly #busy = new Set<DecoderChild>()
  /** Callers waiting for a free place, in order; bounded by the handlers in flight. */
  readonly #waiting: (() => void)[] = []
  #free: number
  #jobs = 0
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#free = options.size
  }

  /** Starts a process before it is needed, so that the first file does not wait for it. */
  warm(): void {
    if (this.#idle.length + this.#busy.size < this.#options.size) this.#idle.push(this.#start())
  }

  /** Process ids of the living, for tests and diagnosis. */
  get pids(): number[] {
    return [...this.#idle, ...this.#busy].flatMap(({ pid }) => pid ?? [])
  }

  /**
   * Decodes one file.
   * @param typeHint MIME type that is believed only where the content does not tell
   * @throws Reject with a code of `codes.ts`; Halt `normalize.ffmpeg-missing`, `normalize.decoder-unusable`
   */
  async decode(path: string, typeHint: string, signal: AbortSignal): Promise<Decoded> {
    await this.#acquire(signal)
    try {
      return unwrap(await this.#runOnFreshAfterCrash({ id: ++this.#jobs, path, typeHint }, signal))
    } finally {
      this.#release()
    }
  }

  /** Kills all processes; files being decoded fail. */
  close(): void {
    this.#closed = true
    for (const child of [...this.#idle, ...this.#busy]) child.kill()
    this.#idle.length = 0
  }

  async #runOnFreshAfterCrash(job: Job, signal: AbortSignal): Promise<Reply> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#runOnce(job, signal)
      } catch (error) {
        if (!(error instanceof DecoderLost)) throw error
        this.#options.log.warn({ code: error.code, reason: error.message, attempt, path: job.path }, 'a decoder process was lost')
        const again = WORTH_A_SECOND_ATTEMPT.includes(error.code) && attempt < MAX_ATTEMPTS && !this.#closed
        if (!again) throw verdict(error.code, error.message, error)
      }
    }
  }

  async #runOnce(job: Job, signal: AbortSignal): Promise<Reply> {
    signal.throwIfAborted()
    const child = this.#take()
    this.#busy.add(child)
    try {
      const reply = await child.run(job, signal)
      this.#busy.delete(child)
      this.#giveBack(child)
      return reply
    } catch (error) {
      child.kill()
      this.#busy.delete(child)
      throw error
    }
  }

  #take(): DecoderChild {
    if (this.#closed) throw new Error('the decoder is closed')
    for (let child = this.#idle.pop(); child; child = this.#idle.pop()) {
      if (child.usable) return child
      child.kill()
    }
    return this.#start()
  }

  #giveBack(child: DecoderChild): void {
    const worn = child.jobs >= (this.#options.jobsPerProcess ?? JOBS_PER_PROCESS)
    if (worn || !child.usable || this.#closed) child.kill()
    else this.#idle.push(child)
  }

  #start(): DecoderChild {
    return new DecoderChild(this.#options.clock, this.#options.limits ?? CHILD_LIMITS, this.#options.program)
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#free > 0) return void this.#free--
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = (): void => {
      const place = this.#waiting.indexOf(resolve)
      if (place < 0) return // its turn came in the same moment
      this.#waiting.splice(place, 1)
      reject(signal.reason)
    }
    this.#waiting.push(resolve)
    signal.addEventListener('abort', leave, { once: true })
    await promise.finally(() => signal.removeEventListener('abort', leave))
  }

  #release(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#free++
  }
}

function unwrap(reply: Reply): Decoded {
  if ('decoded' in reply) return reply.decoded
  if ('failed' in reply) throw new Error(`the decoder has a defect: ${reply.failed}`)
  throw verdict(reply.refused.code, reply.refused.reason)
}

/** What is wrong with this machine halts the stage; all else is the file's. */
function verdict(code: Code, reason: string, cause?: Error): Reject | Halt {
  const ours = code === 'normalize.ffmpeg-missing' || code === 'normalize.decoder-unusable'
  return ours ? new Halt(code, reason, CODES[code], { cause }) : new Reject(code, reason, { cause })
}
