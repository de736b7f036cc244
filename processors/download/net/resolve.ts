/** Names to addresses. */
import { lookup, Resolver } from 'node:dns/promises'

/** All addresses of a name, at least one; rejects when there is none. */
export type Resolve = (hostname: string) => Promise<string[]>

const TIMEOUT_MS = 2000
const TRIES = 2

const LOCALHOST = /(?:^|\.)localhost\.?$/i

/**
 * Asks the DNS first, without the thread pool: the system's own resolver blocks one of its few threads for as long as
 * a hostile name server likes, and file access stands still meanwhile. Only a name that the DNS surely does not have
 * is looked up there, for the hosts file's sake.
 */
export function createResolve(): Resolve {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  return async (hostname) => {
    // Never asked of anyone (RFC 6761 6.3), whatever a name server would like to answer.
    if (LOCALHOST.test(hostname)) return ['127.0.0.1']
    const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    if (addresses.length > 0) return addresses
    for (const answer of answers) {
      if (answer.status === 'rejected' && answer.reason?.code === 'ETIMEOUT') throw answer.reason
    }
    const known = await lookup(hostname, { all: true, order: 'ipv4first' })
    return known.map(({ address }) => address)
  }
}
