import { RetryLater } from '../errors.ts'

/**
 * Longer than a session: a member that Kafka has put out has learned of it by then and taken its hands off, so two live
 * members never fence each other for ever. A new assignment ends the wait.
 */
const WAIT_MS = 30_000

/** Another producer took the task's transactional id over. */
export function taskFenced(reason: string, cause?: unknown): RetryLater {
  return new RetryLater('task.fenced', reason, { afterMs: WAIT_MS, cause })
}
