/** Names by number: rows hold the number, a small table holds the name once. */
import { LRUCache } from 'lru-cache'
import { quote } from './copy-table.ts'

export interface Query {
  <R extends object>(text: string, values?: unknown[]): Promise<{ rows: R[] }>
}

/** Names remembered per process: about 100 bytes each. */
const REMEMBERED = 200_000

/**
 * The numbers of a table (id integer identity, name text unique). Used outside of a transaction, so that a number is
 * durable before a row names it and two writers never wait for each other's open transactions.
 */
export class Dictionary {
  readonly #table: string
  readonly #known: LRUCache<string, number>

  constructor(table: string, remembered = REMEMBERED) {
    this.#table = quote(table)
    this.#known = new LRUCache({ max: remembered })
  }

  /** The number of each name; names not seen before are added. */
  async numbersOf(names: Iterable<string>, query: Query): Promise<Map<string, number>> {
    const found = new Map<string, number>()
    const unknown: string[] = []
    for (const name of new Set(names)) {
      const number = this.#known.get(name)
      if (number === undefined) unknown.push(name)
      else found.set(name, number)
    }
    if (unknown.length > 0) await this.#lookUp(unknown, found, query)
    return found
  }

  async #lookUp(names: string[], found: Map<string, number>, query: Query): Promise<void> {
    const select = `select id, name from ${this.#table} where name = any($1)`
    // Reading first: an insert that meets a conflict would use up a number. Sorted, so that two writers that add the
    // same names never wait for each other in a circle.
    const insert = `insert into ${this.#table} (name) select n from unnest($1::text[]) n order by n on conflict (name) do nothing returning id, name`
    for (const statement of [select, insert, select]) {
      const missing = names.filter((name) => !found.has(name))
      if (missing.length === 0) return
      for (const { id, name } of (await query<{ id: number; name: string }>(statement, [missing])).rows) {
        found.set(name, id)
        this.#known.set(name, id)
      }
    }
  }
}
