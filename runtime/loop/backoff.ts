/**
 * Exponential back-off with full jitter: a delay drawn evenly from 0 to the exponential bound, so that records which
 * failed together do not come back together (Brooker, "Exponential Backoff And Jitter", AWS 2015).
 */
import type { Clock } from '../clock.ts'
import type { RetryPolicy } from '../define/processor.ts'

/**
 * Delay before the attempt after number `attempt` (1 is the first), milliseconds. `askedMs` is what the world asked
 * for (Retry-After); it is kept, up to ten times the policy's longest delay.
 */
export function backoffMs(clock: Pick<Clock, 'random'>, policy: Pick<RetryPolicy, 'firstDelayMs' | 'maxDelayMs'>, attempt: number, askedMs?: number): number {
  if (askedMs !== undefined) return Math.min(askedMs, policy.maxDelayMs * 10)
  const bound = Math.min(policy.maxDelayMs, policy.firstDelayMs * 2 ** (attempt - 1))
  return Math.ceil(clock.random() * bound)
}
