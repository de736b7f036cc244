/** A Kafka client whose requests of one kind are kept back, as by a network that delays them, until they are let go. */
import { connect } from 'node:net'
import { Kafka, logLevel } from '#runtime/kafka/patches.ts'

/** Keys of the protocol. */
export const PRODUCE = 0, FETCH = 1, END_TXN = 26

export interface HeldRequests {
  kafka: Kafka
  /** From now on; others pass. */
  hold(): void
  /** From now on; what is kept back stays so. */
  pass(): void
  /** Sends what was kept back. */
  release(): void
  count(): number
}

export function holdRequests(brokers: string, apiKey: number): HeldRequests {
  const held: (() => void)[] = []
  let holding = false
  const kafka = new Kafka({
    brokers: brokers.split(','), clientId: 'held', logLevel: logLevel.NOTHING, retry: { retries: 3, initialRetryTime: 20 },
    socketFactory: ({ host, port, onConnect }) => {
      const socket = connect({ host, port }, onConnect)
      const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
      // A request begins with its length and its kind, and kafkajs writes each in one go.
      socket.write = ((bytes: Buffer, ...rest: unknown[]) => {
        if (!holding || bytes.readInt16BE(4) !== apiKey) return write(bytes, ...rest)
        held.push(() => void write(bytes, ...rest))
        return true
      }) as typeof socket.write
      return socket
    },
  })
  return {
    kafka,
    hold: () => { holding = true },
    pass: () => { holding = false },
    release: () => held.splice(0).forEach((go) => go()),
    count: () => held.length,
  }
}
