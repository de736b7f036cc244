/** A place for one process of a stage: whoever dies in it is replaced at once, for as long as that is wanted. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Ways } from './arena.ts'
import type { Row } from './fault.ts'
import { StageProcess, type Ended, type Struck } from './stage-process.ts'
import type { StageName } from './workload/topology.ts'

/** Failpoints for the next process, and the row of the matrix of which they are strikes. */
export interface Arming { row?: Row; failpoints: string }

export interface SlotParts {
  stage: StageName
  index: number
  ways: Ways
  /** Settings of a process in this slot. */
  env: (ways: Ways) => Record<string, string>
  ended(slot: Slot, process: StageProcess, ended: Ended): void
  struck(slot: Slot, row: Row, struck: Struck): void
}

/** A process that ended by itself is started again after this, and later if its successor does so too. */
const RESTART_MS = 500
const MAX_RESTART_MS = 8_000
const SHORT_LIFE_MS = 10_000
const STOP_DEADLINE_MS = 40_000

export class Slot {
  readonly stage: StageName
  readonly index: number
  readonly ways: Ways
  readonly #parts: SlotParts
  /** Whether who dies here is replaced. */
  isKept = false
  /** Failpoints of the processes to come. */
  arm: () => Arming | undefined = () => undefined
  version: 1 | 2 = 1
  #process: StageProcess | undefined
  #armed = false
  /** Short lives one after the other. */
  #failures = 0
  /** Resolves when the newest strike of a failpoint happened. */
  #onStruck: ((struck: Struck) => void) | undefined

  constructor(parts: SlotParts) {
    this.#parts = parts
    this.stage = parts.stage
    this.index = parts.index
    this.ways = parts.ways
  }

  get name(): string {
    return `${this.stage}-${this.index}`
  }

  get process(): StageProcess | undefined {
    return this.#process
  }

  /** Whether the process that runs here may still come by a failpoint. */
  get isArmed(): boolean {
    return this.#armed && this.#process?.isAlive === true
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.isAlive && this.#process.hasStarted && !this.#process.isFrozen
  }

  /** Starts a process here that nobody replaces. */
  startOnce(): StageProcess {
    const process = this.start()
    this.isKept = false
    return process
  }

  /** Starts a process here, and others after it. */
  start(): StageProcess {
    this.isKept = true
    const arming = this.arm()
    this.#armed = arming !== undefined
    const env = { ...this.#parts.env(this.ways), FAULTS_VERSION: String(this.version), SLUICE_FAILPOINTS: arming?.failpoints ?? '' }
    const process = new StageProcess(this.stage, env, {
      struck: (struck) => {
        this.#armed = false
        if (arming?.row) this.#parts.struck(this, arming.row, struck)
        this.#onStruck?.(struck)
      },
    })
    this.#process = process
    void process.ended.then((ended) => this.#ended(process, ended))
    return process
  }

  /** Resolves with the next failpoint that a process of this slot comes by, or with undefined when the signal is aborted. */
  nextStrike(signal: AbortSignal): Promise<Struck | undefined> {
    if (signal.aborted) return Promise.resolve(undefined)
    const { promise, resolve } = Promise.withResolvers<Struck | undefined>()
    this.#onStruck = resolve
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
    return promise
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal)
  }

  /** Kills the process, which is then replaced if the slot is kept. Resolves when it has ended. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#process?.ended
  }

  /** Ends the process as an operator does, and leaves the slot empty. */
  async retire(): Promise<Ended | undefined> {
    this.isKept = false
    const process = this.#process
    if (!process?.isAlive) return undefined
    process.signal('SIGCONT')
    process.signal('SIGTERM')
    const deadline = setTimeout(() => process.signal('SIGKILL'), STOP_DEADLINE_MS)
    const ended = await process.ended
    clearTimeout(deadline)
    return ended
  }

  /** Kills the process, and leaves the slot empty. */
  async empty(): Promise<void> {
    this.isKept = false
    await this.kill()
  }

  #ended(process: StageProcess, ended: Ended): void {
    this.#parts.ended(this, process, ended)
    if (!this.isKept || this.#process !== process) return
    this.#failures = Date.now() - process.startedAtMs < SHORT_LIFE_MS ? this.#failures + 1 : 0
    if (ended.signal !== null) this.start()
    else void wait(Math.min(RESTART_MS * 2 ** this.#failures, MAX_RESTART_MS)).then(() => { if (this.isKept && this.#process === process) this.start() })
  }
}
