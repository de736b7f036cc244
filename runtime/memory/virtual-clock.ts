/** A clock that moves only when told to, for tests: time passes without waiting, in the order of its events. */
import type { Clock } from '../clock.ts'
import { TimerHeap } from './timer-heap.ts'

export class VirtualClock implements Clock {
  readonly #timers = new TimerHeap()
  readonly #random: () => number
  #nowMs: number
  #order = 0

  /** `random` gives the jitter; without one, delays are half of their bound. */
  constructor(startMs = 1_700_000_000_000, random: () => number = () => 0.5) {
    this.#nowMs = startMs
    this.#random = random
  }

  now(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  random(): number {
    return this.#random()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, run: run as (() => void) | undefined }
    this.#timers.add(timer)
    return () => {
      timer.run = undefined
    }
  }

  every(ms: number, run: () => void): () => void {
    return everyOn(this, ms, run)
  }

  /** Lets `ms` pass: runs what falls due, in order, and lets promises settle between. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await settle()
    while (await this.step(untilMs));
    this.#nowMs = untilMs
  }

  /** Runs the next timer that falls due by `untilMs`, and what follows from it; false when there is none. */
  async step(untilMs: number): Promise<boolean> {
    const timer = this.#timers.takeDue(untilMs)
    if (!timer) return false
    this.#nowMs = timer.atMs
    timer.run!()
    await settle()
    return true
  }
}

/** `sleep` on any clock that can call after a while. */
export function sleepOn(clock: Pick<Clock, 'after'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError())
    const aborted = (): void => {
      cancel()
      reject(abortError())
    }
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    })
    signal?.addEventListener('abort', aborted, { once: true })
  })
}

/** `every` on any clock that can call after a while. */
export function everyOn(clock: Pick<Clock, 'after'>, ms: number, run: () => void): () => void {
  let cancel = (): void => {}
  const again = (): void => {
    cancel = clock.after(ms, () => {
      again()
      run()
    })
  }
  again()
  return () => cancel()
}

/**
 * Lets every promise that can settle do so, and what follows from it: Node drains its microtasks to the last one before
 * it comes to the next immediate.
 */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function abortError(): Error {
  return Object.assign(new Error('aborted'), { name: 'AbortError' })
}
