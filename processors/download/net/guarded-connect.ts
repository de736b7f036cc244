/**
 * Opens connections to permitted addresses only. It sits below redirects, keep-alive and retries, so that every
 * connection passes it whatever asked for it; a check of the URL, or of `lookup`, which is not called for a literal
 * address, would not.
 */
import { isIP, type Socket } from 'node:net'
import { buildConnector } from 'undici'
import { Reject, RetryLater } from '#runtime/api.ts'
import type { AddressPolicy, Standing } from './address-policy.ts'
import type { Resolve } from './resolve.ts'

export type Connector = buildConnector.connector

/** A name with many dead addresses must not eat the whole deadline. */
const MAX_ADDRESSES_TRIED = 3
const CONNECT_TIMEOUT_MS = 10_000

const WEB_PORTS = new Set(['80', '443'])

interface Guard {
  policy: AddressPolicy
  resolve: Resolve
  /** Dials an address; undici's own by default. */
  dial?: Connector
}

export function guardedConnect({ policy, resolve, dial = plainConnector() }: Guard): Connector {
  return (options, callback) => {
    const attempt = async (): Promise<Socket> => {
      const hostname = options.hostname.replace(/^\[(.*)\]$/, '$1')
      const addresses = isIP(hostname) ? [hostname] : await resolved(hostname, resolve)
      checkAll(hostname, options.port || (options.protocol === 'https:' ? '443' : '80'), addresses, policy)
      return await dialFirst(addresses.slice(0, MAX_ADDRESSES_TRIED), { ...options, servername: servername(options, hostname) }, dial, policy)
    }
    attempt().then((socket) => callback(null, socket), (error: Error) => callback(error, null))
  }
}

function plainConnector(): Connector {
  // HTTP/1.1 only: its framing is what the limits on headers, body and time are written for.
  return buildConnector({ timeout: CONNECT_TIMEOUT_MS, allowH2: false })
}

async function resolved(hostname: string, resolve: Resolve): Promise<string[]> {
  let cause: unknown
  try {
    const addresses = await resolve(hostname)
    if (addresses.length > 0) return addresses
  } catch (error) {
    cause = error
  }
  throw new RetryLater('download.dns', `the name ${hostname} cannot be resolved`, { cause })
}

/** One bad answer condemns the name: an attacker who mixes public and private answers waits for the order to change. */
function checkAll(hostname: string, port: string, addresses: string[], policy: AddressPolicy): void {
  const standings = addresses.map((address) => policy.standingOf(address))
  if (standings.includes('refused')) throw addressBlocked(hostname)
  if (!WEB_PORTS.has(port) && !standings.every((standing: Standing) => standing === 'allowed')) {
    throw new Reject('download.port-blocked', `port ${port} of ${hostname} is neither 80 nor 443; SLUICE_ALLOW_ADDRESSES opens all ports of a range`)
  }
}

async function dialFirst(addresses: string[], options: Parameters<Connector>[0], dial: Connector, policy: AddressPolicy): Promise<Socket> {
  const failures: unknown[] = []
  for (const address of addresses) {
    try {
      // The checked address itself is dialled: asking for the name again could give another answer.
      return checkPeer(await dialOne({ ...options, hostname: address }, dial), options.hostname, policy)
    } catch (error) {
      if (error instanceof Reject) throw error
      failures.push(error)
    }
  }
  throw failures[0]
}

function dialOne(options: Parameters<Connector>[0], dial: Connector): Promise<Socket> {
  return new Promise((resolve, reject) => {
    // undici leaves the socket out of a failure, although its types promise null.
    dial(options, (error, socket) => (error ? reject(error) : resolve(socket)))
  })
}

/** What we are connected to, by the socket's own account. */
function checkPeer(socket: Socket, hostname: string, policy: AddressPolicy): Socket {
  if (socket.remoteAddress !== undefined && policy.standingOf(socket.remoteAddress) !== 'refused') return socket
  socket.destroy()
  throw addressBlocked(hostname)
}

/** The name whose certificate is expected; undici leaves it to be derived from the host, which is an address now. */
function servername(options: Parameters<Connector>[0], hostname: string): string {
  if (options.protocol !== 'https:' || isIP(hostname)) return ''
  return options.servername || hostname.replace(/\.$/, '')
}

function addressBlocked(hostname: string): Reject {
  return new Reject('download.address-blocked', `${hostname} is not at a public address; SLUICE_ALLOW_ADDRESSES may allow its range`)
}
