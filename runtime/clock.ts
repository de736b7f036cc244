/** The only place that reads the time, waits for it or draws lots; tests give a clock of their own. */
import { setTimeout as wait } from 'node:timers/promises'

export interface Clock {
  /** Unix milliseconds. */
  now(): number
  /** Milliseconds from an arbitrary start, never going back. */
  monotonicMs(): number
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `run` every `ms` until the returned function is called. Does not keep the process alive. */
  every(ms: number, run: () => void): () => void
  /** Calls `run` once after `ms` unless the returned function is called first. */
  after(ms: number, run: () => void): () => void
  /** A number in [0, 1), for jitter. */
  random(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    await wait(ms, undefined, signal ? { signal } : undefined)
  },
  every(ms, run) {
    const timer = setInterval(run, ms)
    timer.unref()
    return () => clearInterval(timer)
  },
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}

/** Sleeps until `ms` have passed or the signal is aborted, which is no error: the caller looks at the signal itself. */
export async function sleepUnlessAborted(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Settles as `work` does, or after `ms` as `whenLate` returns or throws. The work itself is not stopped. */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>, whenLate: () => T): Promise<T> {
  const late = Promise.withResolvers<void>()
  const cancel = clock.after(ms, late.resolve)
  try {
    return await Promise.race([work, late.promise.then(whenLate)])
  } finally {
    cancel()
  }
}
