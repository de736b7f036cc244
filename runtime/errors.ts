/**
 * The three verdicts on a failure. The class says whose fault it is, and so what the runtime does:
 *
 *   RetryLater  the world's   the record's key waits and is tried again, with back-off; other keys go on
 *   Reject      the record's  dead letter with a stable code; the partition moves on
 *   Halt        ours          the stage commits nothing more and its process exits non-zero with the remedy
 *
 * Codes are `<stage or module>.<kebab-reason>`; each stands in `runtime/codes.ts` or in the stage's own `codes.ts`.
 */

abstract class Verdict extends Error {
  /** Stable, searchable; lives outside the repository, so it is never renamed. */
  readonly code: string

  constructor(code: string, reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.code = code
  }
}

export class RetryLater extends Verdict {
  override readonly name = 'RetryLater'
  /** Earliest next attempt, milliseconds from now (a Retry-After); the back-off decides when absent. */
  readonly afterMs: number | undefined

  constructor(code: string, reason: string, options: ErrorOptions & { afterMs?: number } = {}) {
    super(code, reason, options)
    this.afterMs = options.afterMs
  }
}

export class Reject extends Verdict {
  override readonly name = 'Reject'
}

export class Halt extends Verdict {
  override readonly name = 'Halt'
  /** What the operator should do, one sentence. */
  readonly remedy: string

  constructor(code: string, reason: string, remedy: string, options?: ErrorOptions) {
    super(code, reason, options)
    this.remedy = remedy
  }
}

/** The first verdict in an error's cause chain, if any. */
export function verdictOf(error: unknown): RetryLater | Reject | Halt | undefined {
  return causesOf(error).find((cause) => cause instanceof RetryLater || cause instanceof Reject || cause instanceof Halt)
}

/** The error itself, what caused it, what caused that, and so on. */
export function causesOf(error: unknown): Error[] {
  const causes: Error[] = []
  for (let cause = error; cause instanceof Error; cause = cause.cause) causes.push(cause)
  return causes
}

/** A one-line text for people; never a stack. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error)
  return text.replace(/\s+/g, ' ').slice(0, 500)
}
