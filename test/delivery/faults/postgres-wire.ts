/**
 * Postgres' protocol as far as a proxy must know it to lose the reply to a COMMIT: after the start-up message, which has
 * no type, each message is a type of one byte and a length that counts itself
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html). A simple query is 'Q' and its text.
 */
import type { Link, Wire } from '#test/support/tcp-proxy.ts'
import type { Aftermath } from './kafka-wire.ts'

const QUERY = 'Q'.charCodeAt(0)

interface Order { aftermath: Aftermath; lost: () => void }

/** Shared by the connections of one proxy. */
export class LostCommits {
  #order: Order | undefined

  /** The reply to the next COMMIT is lost; resolves when that has happened. */
  next(aftermath: Aftermath): { lost: Promise<void>; cancel: () => void } {
    const { promise: lost, resolve } = Promise.withResolvers<void>()
    const order = { aftermath, lost: resolve }
    this.#order = order
    return { lost, cancel: () => { if (this.#order === order) this.#order = undefined } }
  }

  take(): Order | undefined {
    const order = this.#order
    this.#order = undefined
    return order
  }
}

/** The wire of one connection. */
export function postgresWire(link: Link, commits: LostCommits): Wire {
  const messages = new Messages()
  let order: Order | undefined
  return {
    toServer(chunk) {
      if (messages.add(chunk).some(isCommit)) order ??= commits.take()
      if (order) link.losesReplies = true
      return chunk
    },
    toClient(chunk) {
      if (!order) return chunk
      link.isMaimed = true
      order.lost()
      if (order.aftermath === 'cut') setImmediate(() => link.cut())
      return chunk
    },
  }
}

export function isCommit({ type, text }: Message): boolean {
  return type === QUERY && /^commit\b/i.test(text.trimStart())
}

export interface Message { type: number; text: string }

/** What a client sends, message by message. Text is kept of queries only; the bytes of COPY pass by unread. */
export class Messages {
  #isFirst = true
  #rest: Buffer = Buffer.alloc(0)
  #skip = 0

  add(chunk: Buffer): Message[] {
    const found: Message[] = []
    const skipped = Math.min(this.#skip, chunk.length)
    this.#skip -= skipped
    this.#rest = Buffer.concat([this.#rest, chunk.subarray(skipped)])
    for (let message = this.#next(); message !== undefined; message = this.#next()) found.push(message)
    return found
  }

  #next(): Message | undefined {
    const header = this.#isFirst ? 4 : 5
    if (this.#rest.length < header) return undefined
    const type = this.#isFirst ? 0 : this.#rest[0]!
    const end = header - 4 + this.#rest.readInt32BE(header - 4)
    if (type === QUERY && this.#rest.length < end) return undefined
    const text = type === QUERY ? this.#rest.toString('utf8', header, end - 1) : ''
    this.#isFirst = false
    this.#skip = Math.max(0, end - this.#rest.length)
    this.#rest = this.#rest.subarray(Math.min(end, this.#rest.length))
    return { type, text }
  }
}
