/**
 * The contiguous watermark of one partition: records finish in any order, and everything below the first unfinished
 * one may be committed (I1).
 */

interface Entry { offset: number; done: boolean }

export class Watermark {
  #entries: Entry[] = []
  #head = 0
  #byOffset = new Map<number, Entry>()
  #position: number | undefined

  /** Offsets are accepted in rising order. */
  accept(offset: number): void {
    const entry = { offset, done: false }
    this.#entries.push(entry)
    this.#byOffset.set(offset, entry)
  }

  finish(offset: number): void {
    const entry = this.#byOffset.get(offset)
    if (!entry) throw new Error(`watermark: offset ${offset} finished but never accepted [W1]`)
    entry.done = true
    this.#byOffset.delete(offset)
    this.#advance()
  }

  /** The next offset to commit: all below it are finished. Undefined until the first one is. */
  get position(): number | undefined {
    return this.#position
  }

  /** Records accepted and not yet below the watermark. */
  get span(): number {
    return this.#entries.length - this.#head
  }

  /** Records accepted and not finished. */
  get unfinished(): number {
    return this.#byOffset.size
  }

  #advance(): void {
    for (let entry = this.#entries[this.#head]; entry?.done; entry = this.#entries[this.#head]) {
      this.#position = entry.offset + 1
      this.#head += 1
    }
    this.#compact()
  }

  /** The finished prefix is dropped once it is half of the array, so that each entry is moved at most once on average. */
  #compact(): void {
    if (this.#head < 1024 || this.#head * 2 < this.#entries.length) return
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }
}
