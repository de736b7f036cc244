/**
 * Kafka's wire protocol as far as a proxy must know it: messages are a length and a body; requests name their api key
 * and a correlation id, which the response repeats (https://kafka.apache.org/protocol). Two things are done with it:
 *
 * - Brokers tell their own address in answers to Metadata and FindCoordinator; it is replaced by the proxy's, else
 *   clients would go round it. Both have the same host, so the message keeps its length.
 * - The reply to one chosen kind of request can be lost: the broker did what was asked, and the client never hears.
 */
import type { Link, Wire } from '#test/support/tcp-proxy.ts'

export const API = { produce: 0, metadata: 3, offsetCommit: 8, findCoordinator: 10, endTxn: 26, txnOffsetCommit: 28 } as const
export type ApiName = keyof typeof API

/** What becomes of a connection whose reply was lost. */
export type Aftermath = 'half-open' | 'cut'

interface Order { apiKey: number; aftermath: Aftermath; lost: () => void }

/** Shared by the connections of one proxy. */
export class LostReplies {
  #order: Order | undefined

  /** The reply to the next request of this kind is lost; resolves when that has happened. `cancel` gives up waiting. */
  next(api: ApiName, aftermath: Aftermath): { lost: Promise<void>; cancel: () => void } {
    const { promise: lost, resolve } = Promise.withResolvers<void>()
    const order = { apiKey: API[api], aftermath, lost: resolve }
    this.#order = order
    return { lost, cancel: () => { if (this.#order === order) this.#order = undefined } }
  }

  /** Takes the order when it is for this kind of request. */
  take(apiKey: number): Order | undefined {
    if (this.#order?.apiKey !== apiKey) return undefined
    const order = this.#order
    this.#order = undefined
    return order
  }
}

/** Cuts a stream into messages of a 4-byte length and so many bytes. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0)

  /** Whole messages, their lengths included. */
  add(chunk: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const whole: Buffer[] = []
    while (this.#rest.length >= 4 && this.#rest.length >= 4 + this.#rest.readInt32BE(0)) {
      const end = 4 + this.#rest.readInt32BE(0)
      whole.push(this.#rest.subarray(0, end))
      this.#rest = this.#rest.subarray(end)
    }
    return whole
  }
}

const HOST = '127.0.0.1'
const TELL_ADDRESSES = new Set<number>([API.metadata, API.findCoordinator])

export interface KafkaPorts { broker: number; proxy: number }

/** The wire of one connection. */
export function kafkaWire(link: Link, ports: () => KafkaPorts, replies: LostReplies): Wire {
  const requests = new Frames()
  const responses = new Frames()
  const open = new Map<number, { apiKey: number; order: Order | undefined }>()
  const respond = (frame: Buffer): Buffer => {
    const asked = open.get(frame.readInt32BE(4))
    open.delete(frame.readInt32BE(4))
    if (asked?.order) return lose(link, asked.order)
    return asked && TELL_ADDRESSES.has(asked.apiKey) ? readdress(frame, ports()) : frame
  }
  return {
    toServer(chunk) {
      for (const frame of requests.add(chunk)) {
        const apiKey = frame.readInt16BE(4)
        open.set(frame.readInt32BE(8), { apiKey, order: replies.take(apiKey) })
      }
      return chunk
    },
    toClient: (chunk) => Buffer.concat(responses.add(chunk).map(respond)),
  }
}

function lose(link: Link, { aftermath, lost }: Order): Buffer {
  link.isMaimed = true
  link.losesReplies = true
  if (aftermath === 'cut') setImmediate(() => link.cut())
  lost()
  return Buffer.alloc(0)
}

/** A host is a 16-bit length and its text, and the port follows as 32 bits. */
function readdress(frame: Buffer, { broker, proxy }: KafkaPorts): Buffer {
  const address = Buffer.alloc(2 + HOST.length + 4)
  address.writeInt16BE(HOST.length, 0)
  address.write(HOST, 2, 'latin1')
  address.writeInt32BE(broker, 2 + HOST.length)
  const changed = Buffer.from(frame)
  for (let at = changed.indexOf(address); at >= 0; at = changed.indexOf(address, at + address.length)) changed.writeInt32BE(proxy, at + 2 + HOST.length)
  return changed
}
