/** Connections of the subjects. */
import { Client } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** Runs on a connection of its own, which ends with it: the server then has counted everything that it did. */
export async function onSession<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 })
  client.on('error', () => {}) // the query under way rejects with it
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Sends chunks of COPY data, in whatever format the statement names. */
export async function copyChunks(client: Client, statement: string, chunks: Iterable<string | Buffer>): Promise<void> {
  await pipeline(Readable.from(chunks), client.query(copyFrom(statement)))
}

/** As one commit; what fails leaves nothing. */
export async function inTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('begin')
  try {
    const result = await work()
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  }
}

/** Cuts a range into commits. */
export function* commitsOf({ from, count }: { from: number; count: number }, rows: number): Generator<{ from: number; count: number }> {
  for (let at = from; at < from + count; at += rows) yield { from: at, count: Math.min(rows, from + count - at) }
}

/** The numbers of a range. */
export function numbersIn({ from, count }: { from: number; count: number }): number[] {
  return Array.from({ length: count }, (_, index) => from + index)
}
