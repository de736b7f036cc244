/** A fetcher with a store of its own and servers on loopback, for the tests of download. */
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer as createSocketServer, type AddressInfo, type Server as SocketServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFetcher, type Fetched, type FetcherParts } from '#processors/download/fetcher.ts'
import { HTTP_LIMITS } from '#processors/download/net/http-download.ts'
import { parseSource } from '#processors/download/source.ts'
import { openFileStore } from '#runtime/blobs/file-store.ts'
import type { BlobStore } from '#runtime/blobs/store.ts'
import { systemClock } from '#runtime/clock.ts'
import { loadConfig } from '#runtime/config.ts'

export interface World {
  dir: string
  blobs: BlobStore
  fetch(uri: string, expected?: Buffer | null, signal?: AbortSignal): Promise<Fetched>
  /** An HTTP server; returns `http://127.0.0.1:<port>`. */
  serve(listener: RequestListener): Promise<string>
  /** An HTTPS server; returns `https://127.0.0.1:<port>`. */
  serveTls(credentials: { key: string; cert: string }, listener: RequestListener): Promise<string>
  /** A server of raw bytes. */
  serveRaw(onSocket: (socket: Socket) => void): Promise<string>
  /** Names of unfinished blobs. */
  temporaries(): Promise<string[]>
  /** Blobs in the store. */
  stored(): Promise<string[]>
  close(): Promise<void>
}

export const LOOPBACK = { SLUICE_ALLOW_ADDRESSES: '127.0.0.0/8' }

export async function openWorld(env: Record<string, string> = LOOPBACK, parts: FetcherParts = {}): Promise<World> {
  const dir = await mkdtemp(join(tmpdir(), 'download-'))
  const blobs = await openFileStore({ dir: join(dir, 'blobs'), clock: systemClock })
  const limits = { ...HTTP_LIMITS, ...parts.limits }
  const fetcher = openFetcher({ config: loadConfig(env), clock: systemClock }, { ...parts, limits })
  const servers: { server: Server | SocketServer; sockets: Set<Socket> }[] = []

  async function listen(server: Server | SocketServer): Promise<string> {
    const sockets = new Set<Socket>()
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    })
    servers.push({ server, sockets })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  return {
    dir,
    blobs,
    fetch: async (uri, expected = null, signal = new AbortController().signal) => fetcher.fetch(parseSource(uri), expected, blobs, signal),
    serve: (listener) => listen(createServer(listener)),
    serveTls: async (credentials, listener) => (await listen(createTlsServer(credentials, listener))).replace('http:', 'https:'),
    serveRaw: (onSocket) => listen(createSocketServer(onSocket)),
    temporaries: () => readdir(join(dir, 'blobs', 'tmp')),
    stored: async () => (await readdir(join(dir, 'blobs'), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map(({ name }) => name),
    async close() {
      await fetcher.close()
      for (const { server, sockets } of servers) {
        for (const socket of sockets) socket.destroy()
        await new Promise((resolve) => server.close(resolve))
      }
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** A GIF of one white pixel (GIF89a), and as many zeros after its trailer as wanted: decoders ignore them. */
export function gif(bytes = 43): Buffer {
  const picture = Buffer.from('47494638396101000100800000ffffff00000021f90400000000002c00000000010001000002024401003b', 'hex')
  return Buffer.concat([picture, Buffer.alloc(Math.max(0, bytes - picture.length))])
}

/** Matches a verdict by its class name and code. */
export function verdict(name: 'Reject' | 'RetryLater' | 'Halt', code: string): { name: string; code: string } {
  return { name, code }
}
