/** Names by number: rows hold the number, a small table holds the name once. */
import type { Client } from 'pg'
import { quote } from './copy-table.ts'

export interface Query {
  <R extends object>(text: string, values?: unknown[]): Promise<{ rows: R[] }>
}

/** Asks on this connection. */
export function queryOf(client: Client): Query {
  return (text, values = []) => client.query(text, values)
}

/** Names remembered per process: about 100 bytes each. */
const REMEMBERED = 200_000

/**
 * The numbers of a table (id integer identity, name text unique). Used outside of a transaction, so that a number is
 * durable before a row names it and two writers never wait for each other's open transactions.
 */
export class Dictionary {
  readonly #table: string
  readonly #remembered: number
  readonly #known = new Map<string, number>()

  constructor(table: string, remembered = REMEMBERED) {
    this.#table = quote(table)
    this.#remembered = remembered
  }

  /** The numbers of at least these names, until the next call; names not seen before are added. */
  async numbersOf(names: Iterable<string>, query: Query): Promise<ReadonlyMap<string, number>> {
    // A vocabulary that outgrows the memory is rare; starting again is cheaper than keeping an order of use.
    if (this.#known.size > this.#remembered) this.#known.clear()
    const unknown = new Set<string>()
    for (const name of names) if (!this.#known.has(name)) unknown.add(name)
    if (unknown.size > 0) await this.#lookUp([...unknown], query)
    return this.#known
  }

  async #lookUp(names: string[], query: Query): Promise<void> {
    const select = `select id, name from ${this.#table} where name = any($1)`
    // Reading first: an insert that meets a conflict would use up a number. Sorted, so that two writers that add the
    // same names never wait for each other in a circle.
    const insert = `insert into ${this.#table} (name) select n from unnest($1::text[]) n order by n on conflict (name) do nothing returning id, name`
    for (const statement of [select, insert, select]) {
      const missing = names.filter((name) => !this.#known.has(name))
      if (missing.length === 0) return
      for (const { id, name } of (await query<{ id: number; name: string }>(statement, [missing])).rows) this.#known.set(name, id)
    }
  }
}
