/** What must never be. */

export type Invariant =
  | 'lost-ids' | 'doubled-rows' | 'doubled-outputs' | 'contradicting-duplicates' | 'order-inversions' | 'neither-processed-nor-dead' | 'both-processed-and-dead'
  | 'dead-letter-bytes-differ' | 'rows-from-zombie-epoch' | 'progress-moved-back' | 'aborted-records-seen' | 'state-differs' | 'wrong-rows' | 'wrong-outputs' | 'unannounced'
  | 'position-ahead' | 'two-owners' | 'not-finished' | 'halted' | 'unhandled-rejection'

export interface Violation { invariant: Invariant; detail: string }

/** A broken runtime breaks an invariant in a thousand places; these suffice. */
const KEPT = 20

export class Violations {
  readonly list: Violation[] = []
  readonly counts = new Map<Invariant, number>()
  readonly #told: (violation: Violation) => void

  constructor(told: (violation: Violation) => void) {
    this.#told = told
  }

  add(invariant: Invariant, detail: string): void {
    const count = (this.counts.get(invariant) ?? 0) + 1
    this.counts.set(invariant, count)
    if (count > KEPT) return
    this.list.push({ invariant, detail })
    this.#told({ invariant, detail })
  }
}
