/** One connection to Postgres, made when it is needed and thrown away when it is in doubt. */
import { Client, type QueryResult, type QueryResultRow } from 'pg'
import { verdictOnPostgres } from './errors.ts'

export interface Timeouts {
  /** Reaching the server, milliseconds. */
  connectMs: number
  /** One statement, by the server. */
  statementMs: number
  /** Waiting for one lock, by the server. */
  lockMs: number
  /** A transaction of which nothing is heard, by the server: it ends a client that froze. */
  idleInTransactionMs: number
}

export interface ConnectionOptions {
  databaseUrl: string
  /** Shown by pg_stat_activity. */
  applicationName: string
  timeouts: Timeouts
  /** Looked in before `public`. */
  schema?: string
}

export class PostgresConnection {
  readonly #options: ConnectionOptions
  #client: Promise<Client> | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** The client, connected. @throws RetryLater | Halt `postgres.*` */
  async client(): Promise<Client> {
    this.#client ??= this.#connect().catch((error: unknown) => {
      this.#client = undefined
      throw verdictOnPostgres(error)
    })
    return this.#client
  }

  async query<R extends QueryResultRow>(text: string, values: unknown[] = []): Promise<QueryResult<R>> {
    return (await this.client()).query<R>(text, values)
  }

  /** Cuts the connection, whatever is under way on it; the next use makes a new one. */
  async drop(): Promise<void> {
    const client = await this.#client?.catch(() => undefined)
    this.#client = undefined
    if (!client) return
    ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
  }

  /** Ends the connection in order. */
  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined)
    this.#client = undefined
    await client?.end()
  }

  async #connect(): Promise<Client> {
    const { databaseUrl, applicationName, timeouts } = this.#options
    const client = new Client({
      connectionString: databaseUrl, application_name: applicationName, connectionTimeoutMillis: timeouts.connectMs, keepAlive: true,
    })
    // A connection that breaks while idle is noticed by the next statement, which finds no client and makes one.
    client.on('error', () => this.#forget(client))
    client.on('end', () => this.#forget(client))
    await client.connect()
    await client.query(this.#settings())
    return client
  }

  #settings(): string {
    const { timeouts, schema } = this.#options
    const path = schema === undefined ? '' : `set search_path to "${schema.replaceAll('"', '""')}", public;`
    return `${path}
      set statement_timeout = ${timeouts.statementMs};
      set lock_timeout = ${timeouts.lockMs};
      set idle_in_transaction_session_timeout = ${timeouts.idleInTransactionMs};
      set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3;
      set client_min_messages = warning`
  }

  #forget(client: Client): void {
    void this.#client?.then((current) => {
      if (current === client) this.#client = undefined
    }, () => {})
  }
}
