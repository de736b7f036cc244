/**
 * Stops a stage that fails for a reason of its own or of its surroundings, instead of letting it fill its
 * dead-letter topic: when more than half of the last 100 records were given up although the record was not at fault.
 * Records that are at fault (Reject) never count: a folder of broken pictures is a normal day.
 */
import { Halt } from '../errors.ts'

const WINDOW = 100
const TOLERATED = 50

export class Breaker {
  readonly #stage: string
  readonly #recent: boolean[] = []
  #failures = 0

  constructor(stage: string) {
    this.#stage = stage
  }

  /** @throws Halt `runtime.failing` once too many of the recent records were given up */
  record(givenUp: boolean, code: string): void {
    this.#recent.push(givenUp)
    if (givenUp) this.#failures += 1
    if (this.#recent.length > WINDOW && this.#recent.shift()) this.#failures -= 1
    if (this.#failures > TOLERATED) {
      throw new Halt('runtime.failing', `${this.#failures} of the last ${this.#recent.length} records of ${this.#stage} were given up, lately with ${code}.`,
        'Look at the log for the cause; restart the stage when it is mended, then redrive its dead letters.')
    }
  }
}
