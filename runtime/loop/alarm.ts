/**
 * One timer for a moment that keeps moving: it goes off no later than the earliest moment that was set, and whoever set it
 * looks then whether the moment has moved on. So putting it off, thousands of times a second, costs nothing.
 */
import type { Clock } from '../clock.ts'

export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #atMs = Infinity
  #cancel: (() => void) | undefined

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** `atMs` is monotonic. */
  set(atMs: number): void {
    if (atMs >= this.#atMs) return
    this.clear()
    this.#atMs = atMs
    // Whole milliseconds, as timers have them: one that goes off early would only be set again.
    this.#cancel = this.#clock.after(Math.max(0, Math.ceil(atMs - this.#clock.monotonicMs())), () => {
      this.clear()
      this.#ring()
    })
  }

  clear(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#atMs = Infinity
  }
}
