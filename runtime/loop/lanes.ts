/**
 * Lanes keep the order of each key: the records of one key run one after the other, those of different keys side by
 * side. A lane exists only while it holds work.
 */

export class Lanes<T> {
  /** What waits behind the item that runs; nothing yet for most lanes. */
  readonly #waiting = new Map<string, T[] | undefined>()
  readonly #run: (item: T) => Promise<void>

  /** `run` must not reject: what can go wrong with an item is the item's outcome. */
  constructor(run: (item: T) => Promise<void>) {
    this.#run = run
  }

  /** Starts the item when its predecessors with the same key have ended; a null key has none. */
  add(key: string | null, item: T): void {
    if (key === null) void this.#run(item)
    else if (!this.#waiting.has(key)) void this.#open(key, item)
    else this.#append(key, item)
  }

  /** Keys with work. */
  get size(): number {
    return this.#waiting.size
  }

  #append(key: string, item: T): void {
    const waiting = this.#waiting.get(key)
    if (waiting) waiting.push(item)
    else this.#waiting.set(key, [item])
  }

  /** Runs the item and all that gathers behind it meanwhile. */
  async #open(key: string, first: T): Promise<void> {
    this.#waiting.set(key, undefined)
    await this.#run(first)
    for (let batch = this.#waiting.get(key); batch; batch = this.#waiting.get(key)) {
      this.#waiting.set(key, undefined)
      for (const item of batch) await this.#run(item)
    }
    this.#waiting.delete(key)
  }
}
