/** What happened in a run: its newest lines for people, and a hash of all of them, which tells whether two runs were the same. */
import { createHash } from 'node:crypto'

const KEPT_LINES = 60

export class Trace {
  readonly #hash = createHash('sha256')
  readonly #now: () => number
  readonly #echo: ((line: string) => void) | undefined
  #lines: string[] = []
  count = 0

  constructor(now: () => number, echo?: (line: string) => void) {
    this.#now = now
    this.#echo = echo
  }

  note(text: string): void {
    const line = `${(this.#now() / 1000).toFixed(3).padStart(8)} ${text}`
    this.count += 1
    this.#hash.update(line)
    this.#echo?.(line)
    this.#lines.push(line)
    if (this.#lines.length > 10 * KEPT_LINES) this.#lines = this.#lines.slice(-KEPT_LINES)
  }

  tail(count = 40): string[] {
    return this.#lines.slice(-count)
  }

  digest(): string {
    return this.#hash.copy().digest('hex')
  }
}
