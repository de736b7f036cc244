/** A clock that moves only when told to, for tests: time passes without waiting, in the order of its events. */
import type { Clock } from '../clock.ts'

interface Timer { atMs: number; order: number; run: () => void }

export class VirtualClock implements Clock {
  #nowMs: number
  #order = 0
  #timers: Timer[] = []

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError())
      const cancel = this.after(ms, resolve)
      signal?.addEventListener('abort', () => {
        cancel()
        reject(abortError())
      }, { once: true })
    })
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  every(ms: number, run: () => void): () => void {
    let cancel = (): void => {}
    const again = (): void => {
      cancel = this.after(ms, () => {
        run()
        again()
      })
    }
    again()
    return () => cancel()
  }

  /** Lets `ms` pass: runs what falls due, in order, and lets promises settle between. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await settle()
    for (let next = this.#nextDue(untilMs); next; next = this.#nextDue(untilMs)) {
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#nowMs = next.atMs
      next.run()
      await settle()
    }
    this.#nowMs = untilMs
  }

  #nextDue(untilMs: number): Timer | undefined {
    return this.#timers
      .filter(({ atMs }) => atMs <= untilMs)
      .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0]
  }
}

/** Lets every promise that can settle do so, and what follows from it. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function abortError(): Error {
  return Object.assign(new Error('aborted'), { name: 'AbortError' })
}
