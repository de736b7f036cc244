/** Serves some of the demo's files over HTTP on loopback, as a shop or a crawler's source would. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'

export interface FileServer {
  /** Where the file with this name is. */
  urlOf(name: string): string
  close(): Promise<void>
}

/** Files by name; nothing else is served. */
export async function serveFiles(files: ReadonlyMap<string, string>): Promise<FileServer> {
  const server = createServer((request, response) => {
    answer(request, response, files).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    urlOf: (name) => `http://127.0.0.1:${port}/${encodeURIComponent(name)}`,
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, files: ReadonlyMap<string, string>): Promise<void> {
  const path = files.get(decodeURIComponent((request.url ?? '/').slice(1)))
  if (path === undefined || request.method !== 'GET') return void response.writeHead(404).end()
  const { size } = await stat(path)
  response.writeHead(200, { 'content-length': size, 'content-type': 'application/octet-stream' })
  await pipeline(createReadStream(path), response)
}
