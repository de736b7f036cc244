/** A bound on what is outstanding, in records and bytes: who wants more waits, the longest waiting first. */

export interface AllowanceLimits {
  maxRecords: number
  maxBytes: number
}

interface Waiting { bytes: number; go: () => void }

export class Allowance {
  readonly #limits: AllowanceLimits
  readonly #queue: Waiting[] = []
  #records = 0
  #bytes = 0

  constructor(limits: AllowanceLimits) {
    this.#limits = limits
  }

  get records(): number {
    return this.#records
  }

  /** Resolves when there is room for one record of so many bytes; one that is larger than the limit goes alone. */
  async take(bytes: number): Promise<void> {
    if (this.#queue.length === 0 && this.#fits(bytes)) return this.#add(bytes)
    await new Promise<void>((go) => this.#queue.push({ bytes, go }))
  }

  give(bytes: number): void {
    this.#records -= 1
    this.#bytes -= bytes
    for (let next = this.#queue[0]; next && this.#fits(next.bytes); next = this.#queue[0]) {
      this.#queue.shift()
      this.#add(next.bytes)
      next.go()
    }
  }

  #fits(bytes: number): boolean {
    if (this.#records === 0) return true
    return this.#records < this.#limits.maxRecords && this.#bytes + bytes <= this.#limits.maxBytes
  }

  #add(bytes: number): void {
    this.#records += 1
    this.#bytes += bytes
  }
}
