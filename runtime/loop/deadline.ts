/** Deadlines for work that may hang: the signal is aborted first, and then the wait ends whether the work heeds it or not. */
import type { Clock } from '../clock.ts'
import { RetryLater } from '../errors.ts'

/** How long work may go on after its signal was aborted, before its result is no longer waited for. */
const GRACE_MS = 2_000

/**
 * Runs `work` with a signal that is aborted at the deadline or with `parent`.
 * @throws RetryLater `runtime.deadline` when the work neither ended nor heeded its signal in time
 */
export async function withDeadline<T>(clock: Clock, deadlineMs: number, parent: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const own = new AbortController()
  const late = () => new RetryLater('runtime.deadline', `The handler took longer than ${deadlineMs} ms.`)
  const cancelAbort = clock.after(deadlineMs, () => own.abort(late()))
  let cancelGrace = (): void => {}
  const overrun = new Promise<never>((_, reject) => {
    cancelGrace = clock.after(deadlineMs + GRACE_MS, () => reject(late()))
  })
  try {
    return await Promise.race([work(AbortSignal.any([own.signal, parent])), overrun])
  } catch (error) {
    throw own.signal.aborted && !(error instanceof RetryLater) ? late() : error
  } finally {
    cancelAbort()
    cancelGrace()
  }
}
