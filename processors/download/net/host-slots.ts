/** How much is asked of a host at once, and when it may be asked again. */
import { LRUCache } from 'lru-cache'
import { RetryLater, type ServiceEnvironment } from '#runtime/api.ts'

type Clock = ServiceEnvironment['clock']

interface Waiter {
  host: string
  grant(): void
}

interface Bounds {
  perHost: number
  total: number
}

/** A pause up to this is waited for in place; a longer one gives the record back, so that others get its slot. */
const MAX_PAUSE_IN_PLACE_MS = 10_000

/** Hosts whose pause is remembered; forgetting one costs a request that is refused again. */
const MAX_PAUSED_HOSTS = 10_000

export class HostSlots {
  #bounds: Bounds
  #clock: Clock
  #active = new Map<string, number>()
  #activeInAll = 0
  /** First come, first served among those whose host has room. As long as records are in flight. */
  #waiting: Waiter[] = []
  #pausedUntilMs = new LRUCache<string, number>({ max: MAX_PAUSED_HOSTS })

  constructor(bounds: Bounds, clock: Clock) {
    this.#bounds = bounds
    this.#clock = clock
  }

  /**
   * Runs a transfer when its host has room and no pause.
   * @throws RetryLater `download.busy` when the host asked for a long pause
   */
  async within<T>(host: string, signal: AbortSignal, transfer: () => Promise<T>): Promise<T> {
    await this.#waitForSlot(host, signal)
    try {
      await this.#waitForPause(host, signal)
      return await transfer()
    } finally {
      this.#release(host)
    }
  }

  /** The host wishes not to be asked for a while. */
  pause(host: string, ms: number): void {
    const untilMs = this.#clock.monotonicMs() + ms
    if (untilMs > (this.#pausedUntilMs.get(host) ?? 0)) this.#pausedUntilMs.set(host, untilMs)
  }

  async #waitForPause(host: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const restMs = (this.#pausedUntilMs.get(host) ?? 0) - this.#clock.monotonicMs()
      if (restMs <= 0) return
      if (restMs > MAX_PAUSE_IN_PLACE_MS) {
        throw new RetryLater('download.busy', `${host} asked for a pause`, { afterMs: Math.ceil(restMs) })
      }
      await this.#clock.sleep(restMs, signal)
    }
  }

  async #waitForSlot(host: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#hasRoom(host)) return this.#take(host)
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = { host, grant: () => { signal.removeEventListener('abort', leave); resolve() } }
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(waiter)
    })
  }

  #hasRoom(host: string): boolean {
    return this.#activeInAll < this.#bounds.total && (this.#active.get(host) ?? 0) < this.#bounds.perHost
  }

  #take(host: string): void {
    this.#active.set(host, (this.#active.get(host) ?? 0) + 1)
    this.#activeInAll += 1
  }

  #release(host: string): void {
    this.#activeInAll -= 1
    const left = this.#active.get(host)! - 1
    if (left === 0) this.#active.delete(host)
    else this.#active.set(host, left)
    const next = this.#waiting.findIndex((waiter) => this.#hasRoom(waiter.host))
    if (next < 0) return
    const [waiter] = this.#waiting.splice(next, 1)
    this.#take(waiter!.host)
    waiter!.grant()
  }
}
