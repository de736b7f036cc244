/** Free ports on loopback. */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Below the range from which systems take the local ports of outgoing connections (Linux 32768, macOS 49152): a port
 * found free here is not taken by somebody's client a moment later, and is likely free at the next start as well.
 */
const LOWEST = 20_000
const HIGHEST = 32_000
const TRIES = 200

/** Whether nothing listens on the port. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/**
 * One free port for each name, all different. The preferred ones are kept where they are free, so that a kept stack
 * comes back under its old addresses.
 */
export async function choosePorts(names: readonly string[], preferred: Readonly<Record<string, number>> = {}): Promise<Record<string, number>> {
  const chosen: Record<string, number> = {}
  for (const name of names) {
    const old = preferred[name]
    const taken = new Set(Object.values(chosen))
    chosen[name] = old !== undefined && !taken.has(old) && (await isFree(old)) ? old : await freePort(taken)
  }
  return chosen
}

async function freePort(taken: ReadonlySet<number>): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = randomInt(LOWEST, HIGHEST)
    if (!taken.has(port) && (await isFree(port))) return port
  }
  throw new Error(`no free port found between ${LOWEST} and ${HIGHEST}`)
}
