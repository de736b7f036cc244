/** A reporter of node:test that prints one line of JSON for each test that failed. */
import type { TestEvent } from 'node:test/reporters'

export interface FailedTest {
  name: string
  /** The name of the error at its root, such as AssertionError; what a mistake in the sources throws is told by it. */
  error: string
  reason: string
}

/** Suites fail when a test of theirs does, and tell nothing. */
export default async function* failures(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const { type, data } of events) {
    if (type !== 'test:fail') continue
    const { name, details } = data
    const error = details.error as Error & { failureType?: string } // as it comes, though not as it is declared
    if (error.failureType === 'subtestsFailed') continue
    const cause = error.cause instanceof Error ? error.cause : error
    const failed: FailedTest = { name, error: cause.name, reason: cause.message.slice(0, 500) }
    yield `${JSON.stringify(failed)}\n`
  }
}
