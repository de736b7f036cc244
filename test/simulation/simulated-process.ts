/**
 * A process: what runs in it ends when it is killed, and waits while it is frozen. Everything that comes to it from
 * outside (a reply, a timer) enters through `enter`; everything that it asks of the world goes through the network,
 * which refuses the dead and lets the frozen wait.
 *
 * JavaScript cannot be stopped in the middle of a promise chain. So a chain that is under way when the process is killed
 * or frozen runs on until it next asks the world for something, as if it had run a moment earlier.
 */
import type { Clock } from '#runtime/clock.ts'
import { everyOn, sleepOn } from '#runtime/memory/virtual-clock.ts'
import type { Random } from './random.ts'

export class SimulatedProcess {
  readonly name: string
  readonly clock: Clock
  readonly #world: Pick<Clock, 'now' | 'after'>
  #state: 'running' | 'frozen' | 'dead' = 'running'
  #waiting: (() => void)[] = []
  /** A failpoint threw in it: that one of its stages ends with an error is then no wonder. */
  wasThrownAt = false
  /** Something in it never goes on. */
  isHung = false

  /** `skewMs`: how far its wall clock is off. */
  constructor(name: string, world: Pick<Clock, 'now' | 'after'>, random: Random, skewMs = 0) {
    this.name = name
    this.#world = world
    this.clock = this.#ownClock(random, skewMs)
  }

  get isDead(): boolean {
    return this.#state === 'dead'
  }

  get isFrozen(): boolean {
    return this.#state === 'frozen'
  }

  /** Runs `step` in this process: now, once it is thawed, or never. */
  enter(step: () => void): void {
    if (this.#state === 'running') step()
    else if (this.#state === 'frozen') this.#waiting.push(step)
  }

  kill(): void {
    this.#state = 'dead'
    this.#waiting = []
  }

  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen'
  }

  /** What waited enters one after the other, each with everything that follows from it. */
  thaw(): void {
    if (this.#state !== 'frozen') return
    this.#state = 'running'
    for (const step of this.#waiting.splice(0)) this.#world.after(0, () => this.enter(step))
  }

  /** Resolves in a running process. */
  awake(): Promise<void> {
    return new Promise((resolve) => this.enter(resolve))
  }

  #ownClock(random: Random, skewMs: number): Clock {
    const world = this.#world
    const after = (ms: number, run: () => void): (() => void) => {
      let cancelled = false
      const cancel = world.after(ms, () => this.enter(() => {
        if (!cancelled) run()
      }))
      return () => {
        cancelled = true
        cancel()
      }
    }
    return {
      now: () => world.now() + skewMs,
      monotonicMs: () => world.now(),
      after,
      every: (ms, run) => everyOn({ after }, ms, run),
      sleep: (ms, signal) => sleepOn({ after }, ms, signal),
      random: () => random.next(),
    }
  }
}
