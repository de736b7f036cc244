/** Deadlines for work that may hang: the signal is aborted first, and then the wait ends whether the work heeds it or not. */
import type { Clock } from '../clock.ts'
import { RetryLater } from '../errors.ts'

/** How long work may go on after its signal was aborted, before its result is no longer waited for. */
const GRACE_MS = 2_000

/** What work under a deadline is given. */
export interface Allowance {
  /** Aborted at the deadline or with the parent's. Made when it is asked for: most work that ends at once never does. */
  readonly signal: AbortSignal
}

/**
 * Runs `work` with a signal that is aborted at the deadline or with `parent`. Work that returns no promise has ended by
 * then, and costs neither a timer nor a promise.
 * @throws RetryLater `runtime.deadline` when the work neither ended nor heeded its signal in time
 */
export function withDeadline<T>(clock: Clock, deadlineMs: number, parent: AbortSignal, work: (allowance: Allowance) => Promise<T> | T): Promise<T> | T {
  const allowance = new LinkedAllowance(parent)
  const result = work(allowance)
  return result instanceof Promise ? waitFor(result, clock, deadlineMs, allowance) : result
}

async function waitFor<T>(work: Promise<T>, clock: Clock, deadlineMs: number, allowance: LinkedAllowance): Promise<T> {
  const late = (): RetryLater => new RetryLater('runtime.deadline', `The handler took longer than ${deadlineMs} ms.`)
  const overrun = Promise.withResolvers<never>()
  let cancel = clock.after(deadlineMs, () => {
    allowance.abort(late())
    cancel = clock.after(GRACE_MS, () => overrun.reject(late()))
  })
  try {
    return await Promise.race([work, overrun.promise])
  } catch (error) {
    throw allowance.isOverdue && !(error instanceof RetryLater) ? late() : error
  } finally {
    cancel()
    allowance.end()
  }
}

class LinkedAllowance implements Allowance {
  readonly #parent: AbortSignal
  readonly #follow = (): void => this.#own?.abort(this.#parent.reason)
  #own: AbortController | undefined
  #overdue: RetryLater | undefined

  constructor(parent: AbortSignal) {
    this.#parent = parent
  }

  get signal(): AbortSignal {
    this.#own ??= this.#link()
    return this.#own.signal
  }

  get isOverdue(): boolean {
    return this.#overdue !== undefined
  }

  abort(reason: RetryLater): void {
    this.#overdue = reason
    this.#own?.abort(reason)
  }

  /** The parent outlives the work by far, and must not remember it. */
  end(): void {
    this.#parent.removeEventListener('abort', this.#follow)
  }

  #link(): AbortController {
    const own = new AbortController()
    if (this.#overdue) own.abort(this.#overdue)
    else if (this.#parent.aborted) own.abort(this.#parent.reason)
    else this.#parent.addEventListener('abort', this.#follow, { once: true })
    return own
  }
}
