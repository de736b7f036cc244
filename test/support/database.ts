/** Empty databases for a test file, on the server of the stack or of DATABASE_URL. */
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'

const made: { serverUrl: string; name: string }[] = []

/** Call `dropDatabases` when the file ends. */
export async function freshDatabase(serverUrl: string): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await onServer(serverUrl, `create database ${name}`)
  made.push({ serverUrl, name })
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

export async function dropDatabases(): Promise<void> {
  for (const { serverUrl, name } of made.splice(0)) await onServer(serverUrl, `drop database if exists ${name} with (force)`)
}

/** Runs one statement on a connection of its own. */
export async function onServer<R extends object = Record<string, unknown>>(url: string, text: string, values: unknown[] = []): Promise<R[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<R>(text, values)).rows
  } finally {
    await client.end()
  }
}
