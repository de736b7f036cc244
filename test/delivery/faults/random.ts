/** Choices that come from a seed, so that a round can be repeated. */
import { seeded, type Random } from '../../../cli/demo/media/random.ts'

export { seeded, type Random }

/** In another order; the list given stays as it is. */
export function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list.map((value) => ({ value, at: random.next() })).sort((a, b) => a.at - b.at).map(({ value }) => value)
}

/** Hands out a list's values in random order, and begins again when all have been. */
export class Deck<T> {
  readonly #values: readonly T[]
  readonly #random: Random
  #left: T[] = []

  constructor(values: readonly T[], random: Random) {
    this.#values = values
    this.#random = random
  }

  next(): T {
    if (this.#left.length === 0) this.#left = shuffled(this.#values, this.#random)
    return this.#left.pop()!
  }
}

/**
 * Ranks 0 to count - 1 with probabilities in proportion to 1 / (rank + 1)^exponent (Zipf), by inversion of the
 * cumulative distribution.
 */
export function zipf(count: number, exponent: number, random: Random): () => number {
  const cumulative: number[] = []
  for (let rank = 0; rank < count; rank++) cumulative.push((cumulative[rank - 1] ?? 0) + (rank + 1) ** -exponent)
  return () => {
    const at = random.next() * cumulative[count - 1]!
    return cumulative.findIndex((sum) => sum >= at)
  }
}
