/** Everything that was started is ended again: at the end, after a failure, and on Ctrl-C within ten seconds. */
import { systemClock } from '#runtime/clock.ts'
import { reasonOf } from '#runtime/errors.ts'
import { EXIT } from '../failure.ts'

type End = () => Promise<void>

const INTERRUPT_DEADLINE_MS = 9_000

export class WayOut {
  readonly #note: (line: string) => void
  readonly #interrupt = new AbortController()
  readonly #ends: End[] = []
  readonly #onSignal = (): void => void this.#interrupted()
  #leaving: Promise<void> | undefined

  constructor(note: (line: string) => void) {
    this.#note = note
    process.on('SIGINT', this.#onSignal).on('SIGTERM', this.#onSignal)
  }

  /** Aborted on Ctrl-C. */
  get signal(): AbortSignal {
    return this.#interrupt.signal
  }

  /** Remembers how something is ended; what comes too late is ended at once. The returned function ends it now. */
  add(end: End): End {
    if (this.#leaving) void end()
    else this.#ends.push(end)
    return async () => {
      const index = this.#ends.indexOf(end)
      if (index < 0) return
      this.#ends.splice(index, 1)
      await end()
    }
  }

  /** Ends everything, the newest first. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave().finally(() => process.off('SIGINT', this.#onSignal).off('SIGTERM', this.#onSignal))
    return this.#leaving
  }

  /** Forgets everything: it is to run on. */
  keep(): void {
    this.#ends.length = 0
  }

  async #leave(): Promise<void> {
    for (let end = this.#ends.pop(); end; end = this.#ends.pop()) {
      await end().catch((error: unknown) => this.#note(`Ending: ${reasonOf(error)}`))
    }
  }

  /** The private stack and the stages hold a line to this process, so they end even when this does not wait for them. */
  async #interrupted(): Promise<void> {
    if (this.#interrupt.signal.aborted) process.exit(EXIT.interrupted)
    this.#interrupt.abort(new Error('interrupted'))
    this.#note('Stopping; Ctrl-C again ends at once')
    systemClock.after(INTERRUPT_DEADLINE_MS, () => process.exit(EXIT.interrupted))
    await this.leave()
    process.exit(EXIT.interrupted)
  }
}
