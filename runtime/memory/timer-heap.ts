/** Timers in the order in which they fall due; those of one moment in the order in which they were set. */

export interface Timer {
  readonly atMs: number
  readonly order: number
  /** Undefined once it was cancelled: it stays in the heap until its time, which is cheaper than to look for it. */
  run: (() => void) | undefined
}

export class TimerHeap {
  readonly #timers: Timer[] = []

  add(timer: Timer): void {
    this.#timers.push(timer)
    let at = this.#timers.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(timer, this.#timers[parent]!)) break
      this.#timers[at] = this.#timers[parent]!
      at = parent
    }
    this.#timers[at] = timer
  }

  /** Takes the next timer that falls due at `untilMs` or before, if there is one. */
  takeDue(untilMs: number): Timer | undefined {
    for (let first = this.#timers[0]; first && first.atMs <= untilMs; first = this.#timers[0]) {
      this.#removeFirst()
      if (first.run) return first
    }
    return undefined
  }

  #removeFirst(): void {
    const last = this.#timers.pop()!
    const size = this.#timers.length
    if (size === 0) return
    let at = 0
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && isBefore(this.#timers[child + 1]!, this.#timers[child]!)) child += 1
      if (!isBefore(this.#timers[child]!, last)) break
      this.#timers[at] = this.#timers[child]!
      at = child
    }
    this.#timers[at] = last
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
