/**
 * COPY FROM STDIN over a connection of node-postgres, from a few chunks that are used again and again.
 *
 * pg-copy-streams is not used for it: its writable reports a chunk as written while the socket may still hold it, so
 * no chunk could be used again, and each of its writes takes two of the socket.
 *
 *   asked ──CopyInResponse──▶ sending ──end──▶ ended ──CommandComplete, ReadyForQuery──▶ resolved
 *     └────────────error───────────┴─────────────┴──────────────────────────────────────▶ rejected
 */
import type { Client, Connection, Submittable } from 'pg'
import { CopyWriter } from './copy-binary.ts'
import { copyStatement, type CopyTable } from './copy-table.ts'

/** 256 KiB a chunk: some 180 rows of an asset; larger ones gave no more rows a second. */
const CHUNK_BYTES = 256 << 10

/** Enough that one is encoded while the others are on their way. */
const CHUNKS = 4

/** Heads of messages are a letter and a length that counts itself, but not the letter. */
const COPY_DATA = 0x64
const HEAD_BYTES = 5
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4])
/** With an empty reason. */
const COPY_FAIL = Buffer.from([0x66, 0, 0, 0, 5, 0])

/** Chunks that are on no socket; kept by the owner of the connection. */
export class ChunkPool {
  readonly #idle: Buffer[] = []

  /** An empty chunk of at least `bytes`. */
  take(bytes: number): Buffer {
    return (bytes <= CHUNK_BYTES ? this.#idle.pop() : undefined) ?? Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, bytes))
  }

  /** A chunk made for one large field is not kept. */
  give(chunk: Buffer): void {
    if (chunk.length === CHUNK_BYTES && this.#idle.length < CHUNKS) this.#idle.push(chunk)
  }
}

/**
 * Copies rows into a table; resolves to the number of tuples once the server has them all.
 * @throws DatabaseError of the server, or the connection's error
 */
export async function copyIn<Row, Ids>(client: Client, table: CopyTable<Row, Ids>, rows: readonly Row[], ids: Ids, pool: ChunkPool, options: { freeze?: boolean } = {}): Promise<number> {
  const copy = new CopyIn(copyStatement(table, options), pool)
  client.query(copy)
  await copy.ready
  const writer = new CopyWriter(pool.take(0), HEAD_BYTES, (full, bytes) => {
    copy.send(messageIn(full))
    full.moveTo(pool.take(HEAD_BYTES + bytes), HEAD_BYTES)
  })
  writer.begin()
  for (let index = 0; index < rows.length; index++) {
    try {
      table.write(writer, rows[index]!, ids)
    } catch (error) {
      await copy.fail()
      throw new UnencodableRow(table.name, index, error)
    }
    if (copy.isCongested) await copy.relieved()
  }
  writer.end()
  copy.end(messageIn(writer))
  return copy.done
}

/** What was written as one CopyData message. It is a whole chunk, so that it is one write to the socket. */
function messageIn({ chunk, at }: CopyWriter): Buffer {
  chunk[0] = COPY_DATA
  chunk.writeInt32BE(at - 1, 1)
  return chunk.subarray(0, at)
}

/** A row holds a value that has no form in its column: out of range, or of the wrong kind. Nothing was copied. */
export class UnencodableRow extends Error {
  readonly table: string
  /** Among the rows of the COPY. */
  readonly index: number

  constructor(table: string, index: number, cause: unknown) {
    super(`${table}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.table = table
    this.index = index
  }
}

class CopyIn implements Submittable {
  readonly #text: string
  readonly #pool: ChunkPool
  readonly #ready = Promise.withResolvers<void>()
  readonly #done = Promise.withResolvers<number>()
  #socket: NodeJS.WritableStream | undefined
  #onItsWay = 0
  #relief: (() => void) | undefined
  #failed = false
  #tuples = 0

  constructor(text: string, pool: ChunkPool) {
    this.#text = text
    this.#pool = pool
    this.#done.promise.catch(() => {})
  }

  /** The server waits for data. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** The server has everything: the number of tuples. */
  get done(): Promise<number> {
    return this.#done.promise
  }

  get isCongested(): boolean {
    return this.#onItsWay >= CHUNKS
  }

  /** Resolves when there is a chunk again; rejects when the copy has failed. */
  async relieved(): Promise<void> {
    if (this.#failed) await this.#done.promise
    if (this.isCongested) await new Promise<void>((resolve) => (this.#relief = resolve))
    if (this.#failed) await this.#done.promise
  }

  /** Tells the server to forget the statement; resolves when it has. */
  async fail(): Promise<void> {
    if (!this.#failed) this.#socket!.write(COPY_FAIL)
    await this.#done.promise.catch(() => {})
  }

  end(last: Buffer): void {
    this.send(last)
    if (!this.#failed) this.#socket!.write(COPY_DONE)
  }

  /** Its chunk goes back to the pool when the socket has done with it. */
  send(message: Buffer): void {
    const whole = Buffer.from(message.buffer)
    if (this.#failed) return this.#pool.give(whole)
    this.#onItsWay += 1
    this.#socket!.write(message, () => {
      this.#onItsWay -= 1
      this.#pool.give(whole)
      this.#wake()
    })
  }

  #wake(): void {
    this.#relief?.()
    this.#relief = undefined
  }

  // What follows is called by node-postgres.

  submit(connection: Connection): void {
    this.#socket = (connection as unknown as { stream: NodeJS.WritableStream }).stream
    connection.query(this.#text)
  }

  handleCopyInResponse(): void {
    this.#ready.resolve()
  }

  handleCommandComplete(message: { text: string }): void {
    this.#tuples = Number(/^COPY (\d+)$/.exec(message.text)?.[1] ?? 0)
  }

  handleReadyForQuery(): void {
    this.#done.resolve(this.#tuples)
  }

  /** Of the server, or of the connection. The server has thrown the statement away and skips what data is on its way. */
  handleError(error: Error): void {
    this.#failed = true
    this.#ready.reject(error)
    this.#done.reject(error)
    this.#wake()
  }
}
