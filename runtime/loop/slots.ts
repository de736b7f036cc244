/** A counting semaphore: at most `limit` holders at once, the longest waiting first. */

export class Slots {
  readonly #limit: number
  #held = 0
  readonly #waiting: (() => void)[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Runs `work` once a slot is free, and frees it whatever comes of it. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    await this.acquire()
    try {
      return await work()
    } finally {
      this.release()
    }
  }

  async acquire(): Promise<void> {
    if (!this.tryAcquire()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Takes a slot if one is free. */
  tryAcquire(): boolean {
    if (this.#held >= this.#limit) return false
    this.#held += 1
    return true
  }

  /** Hands the slot to the next in line, if any. */
  release(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#held -= 1
  }

  get held(): number {
    return this.#held
  }
}
