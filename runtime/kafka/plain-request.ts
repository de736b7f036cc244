/** One request to one broker over a socket of its own, for what kafkajs does not ask or keeps to itself. */
import { connect } from 'node:net'

const CLIENT_ID = 'sluice'
/** Answers here are some hundred bytes; anything larger is no broker's. */
const LIMIT_BYTES = 1 << 20

export interface PlainRequest {
  api: number
  version: number
  /** What follows the client id: for flexible versions (KIP-482) from the header's tags on. */
  body: Buffer
}

/**
 * The answer from its header's correlation id on.
 * @param broker host:port
 * Rejects when the broker does not answer in time.
 */
export async function askBroker(broker: string, request: PlainRequest, deadlineMs: number): Promise<Buffer> {
  const socket = connect({ ...addressOf(broker), signal: AbortSignal.timeout(deadlineMs) })
  try {
    socket.write(framed(request))
    let answer = Buffer.alloc(0)
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk as Buffer])
      const length = answer.length < 4 ? Infinity : answer.readInt32BE(0)
      if (answer.length > LIMIT_BYTES || (length !== Infinity && length > LIMIT_BYTES)) throw new Error('not a Kafka broker')
      if (answer.length >= 4 + length) return answer.subarray(4, 4 + length)
    }
    throw new Error('the connection was closed before the answer')
  } finally {
    socket.destroy()
  }
}

/** The host may be an IPv6 address in brackets. */
function addressOf(broker: string): { host: string; port: number } {
  const at = broker.lastIndexOf(':')
  return { host: broker.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(broker.slice(at + 1)) }
}

/** Length, API, version, correlation id 0, client id, body. */
function framed({ api, version, body }: PlainRequest): Buffer {
  const header = Buffer.alloc(14)
  header.writeInt32BE(10 + CLIENT_ID.length + body.length, 0)
  header.writeInt16BE(api, 4)
  header.writeInt16BE(version, 6)
  header.writeInt16BE(CLIENT_ID.length, 12)
  return Buffer.concat([header, Buffer.from(CLIENT_ID), body])
}
