/** /healthz: what an orchestrator asks whether this process is well. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Config } from '#runtime/config.ts'
import { Halt, reasonOf } from '#runtime/errors.ts'
import type { StagesReport } from './stages.ts'

export interface Health {
  url: string
  close(): Promise<void>
}

/**
 * Serves the report as JSON with 200 while every stage runs and 503 otherwise; nothing when no port is set.
 * @throws Halt `health.port-taken`
 */
export async function serveHealth({ healthHost, healthPort }: Pick<Config, 'healthHost' | 'healthPort'>, report: () => StagesReport): Promise<Health | undefined> {
  if (healthPort === 0) return undefined
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000, maxHeaderSize: 8_192 }, (request, response) => {
    if (request.url !== '/healthz' || (request.method !== 'GET' && request.method !== 'HEAD')) return void response.writeHead(404).end()
    const body = report()
    response.writeHead(body.status === 'ok' ? 200 : 503, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    response.end(`${JSON.stringify(body)}\n`)
  })
  server.maxConnections = 64
  await listen(server, healthHost, healthPort)
  const { address, port } = server.address() as AddressInfo
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${port}/healthz`,
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Halt('health.port-taken', `/healthz cannot listen on ${host}:${port}: ${reasonOf(error)}`, 'Set SLUICE_HEALTH_PORT to a free port.', { cause: error })))
    server.listen(port, host, resolve)
  })
}
