/**
 * ApiVersions, the one request that every broker answers in version 0 whatever its age (KIP-35). Written by hand since
 * kafkajs keeps the answer to itself.
 */
import { once } from 'node:events'
import { connect } from 'node:net'

const API_VERSIONS = 18
const CLIENT_ID = 'sluice-doctor'
/** Some 90 APIs of 6 bytes; anything larger is no broker's answer. */
const LIMIT_BYTES = 64 * 1024

export interface Range { lowest: number; highest: number }

/** The versions that a broker speaks, by the number of the API. Rejects when it does not answer in time. */
export async function apiVersions(broker: string, deadlineMs: number): Promise<Map<number, Range>> {
  const at = broker.lastIndexOf(':')
  const socket = connect({ host: broker.slice(0, at), port: Number(broker.slice(at + 1)) })
  const signal = AbortSignal.timeout(deadlineMs)
  try {
    await once(socket, 'connect', { signal })
    socket.write(request())
    let answer = Buffer.alloc(0)
    while (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) {
      const [chunk] = await once(socket, 'data', { signal }) as [Buffer]
      answer = Buffer.concat([answer, chunk])
      if (answer.length > LIMIT_BYTES || (answer.length >= 4 && answer.readInt32BE(0) > LIMIT_BYTES)) throw new Error('not a Kafka broker')
    }
    return parse(answer)
  } finally {
    socket.destroy()
  }
}

/** Length, API, version 0, correlation id 0, client id. */
function request(): Buffer {
  const header = Buffer.alloc(14)
  header.writeInt32BE(10 + CLIENT_ID.length, 0)
  header.writeInt16BE(API_VERSIONS, 4)
  header.writeInt16BE(CLIENT_ID.length, 12)
  return Buffer.concat([header, Buffer.from(CLIENT_ID)])
}

/** Length, correlation id, error, then a counted list of (API, lowest, highest). */
export function parse(answer: Buffer): Map<number, Range> {
  const error = answer.readInt16BE(8)
  if (error !== 0) throw new Error(`the broker answered with error ${error}`)
  const versions = new Map<number, Range>()
  const count = answer.readInt32BE(10)
  for (let i = 0; i < count; i++) {
    const at = 14 + i * 6
    versions.set(answer.readInt16BE(at), { lowest: answer.readInt16BE(at + 2), highest: answer.readInt16BE(at + 4) })
  }
  return versions
}
