/**
 * A digest of many rows that SQL and this program compute each on its own: per row the first 60 bits of the MD5 of a text,
 * summed up. The order of rows does not matter.
 */
import { hash } from 'node:crypto'
import type { Client } from 'pg'

export interface Digest {
  rows: number
  sum: bigint
}

const HEX_DIGITS = 15

/** Select list over rows that have `text`. */
const SELECT = `select count(*)::int as rows, coalesce(sum(('x' || substr(md5(text), 1, ${HEX_DIGITS}))::bit(${HEX_DIGITS * 4})::bigint), 0)::text as sum`

/** `query` selects one column, `text`. */
export async function digestInDatabase(client: Client, query: string, values: unknown[]): Promise<Digest> {
  const { rows } = await client.query<{ rows: number; sum: string }>(`${SELECT} from (${query}) as r`, values)
  return { rows: rows[0]!.rows, sum: BigInt(rows[0]!.sum) }
}

export function digestOf(texts: Iterable<string>): Digest {
  const digest: Digest = { rows: 0, sum: 0n }
  for (const text of texts) {
    digest.rows += 1
    digest.sum += BigInt(`0x${md5(text).slice(0, HEX_DIGITS)}`)
  }
  return digest
}

/** As Postgres' md5(): in hexadecimal. */
export function md5(value: string | Buffer): string {
  return hash('md5', value)
}

/** @throws Error that names what differs */
export function requireSame(what: string, found: Digest, expected: Digest): void {
  if (found.rows === expected.rows && found.sum === expected.sum) return
  throw new Error(`${what}: ${found.rows} rows with digest ${found.sum.toString(16)} in the database, ${expected.rows} with ${expected.sum.toString(16)} were written`)
}
