/** The measured process's side: what it was told to do, what it cost, and its report. */
import type { Reports } from './child.ts'

/** The time and the processor seconds of a stretch of work. */
export interface Cost {
  records: number
  seconds: number
  /** User and system, all threads of the process. */
  cpuSeconds: number
}

/** The first tenth of the records compiles the code and fills the caches; it is not measured. */
const WARM_UP = 0.1

export function specOf<T>(): T {
  return JSON.parse(process.argv[2]!) as T
}

/** Tells the process that measures. */
export function report<K extends keyof Reports>(kind: K, content: Reports[K]): void {
  process.send!({ [kind]: content })
}

/** Ends when the process that measures says so, or is gone. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => void process.once('message', () => resolve()).once('disconnect', () => resolve()))
}

/** Measures from a tenth of `count` records to all of them. */
export class Stretch {
  readonly #count: number
  #from: { records: number; ms: number; cpu: NodeJS.CpuUsage } | undefined
  #cost: Cost | undefined

  constructor(count: number) {
    this.#count = count
  }

  /** Called with the records done so far. True once, when all are done. */
  reached(done: number): boolean {
    if (this.#cost) return false
    if (!this.#from) {
      if (done >= this.#count * WARM_UP) this.#from = { records: done, ms: performance.now(), cpu: process.cpuUsage() }
      return false
    }
    if (done < this.#count) return false
    const { user, system } = process.cpuUsage(this.#from.cpu)
    this.#cost = { records: done - this.#from.records, seconds: (performance.now() - this.#from.ms) / 1000, cpuSeconds: (user + system) / 1e6 }
    return true
  }

  /** @throws TypeError before `reached` said true */
  cost(): Cost {
    return this.#cost!
  }
}
