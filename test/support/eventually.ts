/** Waits for a condition of the real world, by asking again; fails with the last failure. */
import { setTimeout as wait } from 'node:timers/promises'

/** Runs `check` until it does not throw, for at most `timeoutMs`. */
export async function eventually<T>(check: () => T | Promise<T>, timeoutMs = 20_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await wait(50)
    }
  }
}
