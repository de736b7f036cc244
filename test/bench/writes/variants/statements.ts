/** How many statements this process sends to servers: every design is counted in the same way, whatever its code. */
import { Client } from 'pg'

/** Runs the work; one at a time. A text of several statements counts as one: it is one round trip. */
export async function countingStatements(work: () => Promise<void>): Promise<number> {
  let statements = 0
  const prototype = Client.prototype as { query: (...args: unknown[]) => unknown }
  const { query } = prototype
  prototype.query = function (...args) {
    statements += 1
    return query.apply(this, args)
  }
  try {
    await work()
  } finally {
    prototype.query = query
  }
  return statements
}
