/** Waiting for something to answer, bounded by a deadline and by a signal. */
import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '#runtime/errors.ts'

const EVERY_MS = 40

/**
 * Resolves with the first defined value that `probe` gives, asking again after 40 ms; a probe that throws has not
 * answered yet. Rejects when the signal is aborted, saying why and what the last probe met.
 */
export async function until<T>(probe: () => Promise<T | undefined>, signal: AbortSignal): Promise<T> {
  let lastError: unknown
  while (!signal.aborted) {
    try {
      const answer = await probe()
      if (answer !== undefined) return answer
    } catch (error) {
      lastError = error
    }
    await sleep(EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
  const said = lastError === undefined ? 'no answer' : reasonOf((lastError as Error).cause ?? lastError) // fetch hides its reason in the cause
  throw new Error(`${reasonOf(signal.reason)} (last: ${said})`, { cause: lastError })
}

/** The promise's value, or undefined when it takes longer than `ms`. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const timer = new AbortController()
  try {
    return await Promise.race([promise, sleep(ms, undefined, { signal: timer.signal })])
  } finally {
    timer.abort()
  }
}
