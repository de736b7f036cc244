/** The service that `check` asks: it refuses an id at first, is slow, or hangs once; the same for every process. */
import type { Clock } from '#runtime/clock.ts'
import { RetryLater } from '#runtime/errors.ts'
import type { Random } from './random.ts'
import type { Checker } from './workload/topology.ts'

interface Mood { refusals: number; hangs: number; takesMs: number }

export class CheckerService {
  readonly #random: Random
  readonly #moods = new Map<string, Mood>()
  isCalm = false

  constructor(random: Random) {
    this.#random = random
  }

  /** As one process sees it. */
  for(clock: Clock): Checker {
    return { check: (id, signal) => this.#check(id, clock, signal) }
  }

  async #check(id: string, clock: Clock, signal: AbortSignal): Promise<void> {
    const mood = this.#moodOf(id)
    if (mood.hangs > 0 && !this.isCalm) {
      mood.hangs -= 1
      // Some work heeds its signal, some does not.
      return this.#random.chance(0.5) ? clock.sleep(3_600_000, signal) : new Promise<never>(() => {})
    }
    if (mood.takesMs > 0) await clock.sleep(mood.takesMs, signal)
    if (mood.refusals > 0) {
      mood.refusals -= 1
      throw new RetryLater('check.busy', 'The service is busy.')
    }
  }

  #moodOf(id: string): Mood {
    const random = this.#random
    const mood = this.#moods.get(id) ?? {
      refusals: random.chance(0.15) ? random.between(1, 3) : 0,
      hangs: random.chance(0.01) ? 1 : 0,
      takesMs: random.chance(0.5) ? 0 : random.chance(0.05) ? random.between(500, 2_500) : random.between(1, 60),
    }
    this.#moods.set(id, mood)
    return mood
  }
}
