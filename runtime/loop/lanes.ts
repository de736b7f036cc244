/**
 * Lanes keep the order of each key: the records of one key run one after the other, those of different keys side by
 * side. A lane exists only while it holds work.
 */

export class Lanes<T> {
  readonly #tails = new Map<string, Promise<void>>()
  readonly #run: (item: T) => Promise<void>

  /** `run` must not reject: what can go wrong with an item is the item's outcome. */
  constructor(run: (item: T) => Promise<void>) {
    this.#run = run
  }

  /** Starts the item when its predecessors with the same key have ended; a null key has none. */
  add(key: string | null, item: T): void {
    if (key === null) void this.#run(item)
    else this.#append(key, item)
  }

  /** Keys with work. */
  get size(): number {
    return this.#tails.size
  }

  #append(key: string, item: T): void {
    const tail = this.#tails.get(key)
    const next = (tail ? tail.then(() => this.#run(item)) : this.#run(item)).then(() => {
      if (this.#tails.get(key) === next) this.#tails.delete(key)
    })
    this.#tails.set(key, next)
  }
}
