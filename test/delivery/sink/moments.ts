/** The moments of a commit as they pass by on the wire between sink and Postgres, and what is done to the connection then. */
import { isCommit, Messages, type Message } from '#test/delivery/faults/postgres-wire.ts'
import type { Link, Wire } from '#test/support/tcp-proxy.ts'

/** A transaction begins; rows begin to come; COMMIT is asked for; the server has answered it. */
export type Moment = 'begin' | 'copy' | 'commit' | 'committed'

/** Whether the bytes of the moment are passed on. */
export type Act = (link: Link) => 'pass' | 'drop'

interface Order { moment: Moment; act: Act; struck: () => void }

/** Shared by the connections of one proxy; one order at a time. */
export class Moments {
  #order: Order | undefined

  /** Resolves when the next such moment has come, on whichever connection, and `act` was done. */
  next(moment: Moment, act: Act): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#order = { moment, act, struck: resolve }
    return promise
  }

  wire(link: Link): Wire {
    const messages = new Messages()
    let isAsked = false
    return {
      toServer: (chunk) => {
        const moments = messages.add(chunk).flatMap((message) => momentOf(message) ?? [])
        isAsked ||= moments.includes('commit')
        return this.#pass(moments, link, chunk)
      },
      toClient: (chunk) => {
        const moments: Moment[] = isAsked ? ['committed'] : []
        isAsked = false
        return this.#pass(moments, link, chunk)
      },
    }
  }

  #pass(moments: Moment[], link: Link, chunk: Buffer): Buffer {
    const order = this.#order
    if (!order || !moments.includes(order.moment)) return chunk
    this.#order = undefined
    order.struck()
    return order.act(link) === 'pass' ? chunk : Buffer.alloc(0)
  }
}

const QUERY = 'Q'.charCodeAt(0)

function momentOf(message: Message): Moment | undefined {
  if (isCommit(message)) return 'commit'
  if (message.type !== QUERY) return undefined
  if (/^begin\b/i.test(message.text)) return 'begin'
  return /^copy\b/i.test(message.text) ? 'copy' : undefined
}
