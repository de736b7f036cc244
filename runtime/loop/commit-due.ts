/**
 * When a sink's next batch goes.
 *
 *   full          at once: rows or bytes have reached their bound
 *   old           when its oldest row has waited `maxAgeMs`
 *   in a lull     when nothing has come for `lullMs`, it has `minRows`, and the last commit began `maxAgeMs` ago
 *
 * So a row that comes alone does not wait for company that does not come, under load batches are as large as ever, and
 * commits that are not full stay `maxAgeMs` apart.
 */
import type { CommitPolicy } from '../define/sink.ts'

/** What waits to be stored. Times are monotonic milliseconds. */
export interface Gathered {
  rows: number
  bytes: number
  /** When the oldest row came; undefined when nothing waits. */
  oldestMs: number | undefined
  /** When the newest one came. */
  newestMs: number
}

/** Why a batch goes; `end` when the sink is stopped. */
export type CommitReason = 'full' | 'old' | 'lull' | 'end'

/** `atMs` may lie in the past. */
export interface Due { atMs: number; because: CommitReason }

/** When and why the batch goes if nothing more comes; undefined when nothing waits. */
export function commitDue(policy: CommitPolicy, { rows, bytes, oldestMs, newestMs }: Gathered, lastBegunMs: number): Due | undefined {
  if (oldestMs === undefined) return undefined
  if (rows >= policy.maxRows || bytes >= policy.maxBytes) return { atMs: -Infinity, because: 'full' }
  const oldMs = oldestMs + policy.maxAgeMs
  const lullMs = rows < policy.minRows ? Infinity : Math.max(newestMs + policy.lullMs, lastBegunMs + policy.maxAgeMs)
  return lullMs < oldMs ? { atMs: lullMs, because: 'lull' } : { atMs: oldMs, because: 'old' }
}
