import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { serveHealth } from '#cli/health.ts'
import type { StagesReport } from '#cli/stages.ts'

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('/healthz answers 200 while every stage runs and 503 otherwise, with the figures of each', async () => {
  const report: StagesReport = { status: 'starting', upSeconds: 1, stages: { embed: { state: 'starting' } } }
  const health = await serveHealth({ healthHost: '127.0.0.1', healthPort: await freePort() }, () => report)
  try {
    assert.equal((await fetch(health!.url)).status, 503)
    Object.assign(report, { status: 'ok', stages: { embed: { state: 'running', written: 3 } } })
    const answer = await fetch(health!.url)
    assert.equal(answer.status, 200)
    assert.deepEqual(await answer.json(), report)
    assert.equal((await fetch(new URL('/secrets', health!.url))).status, 404)
    assert.equal((await fetch(health!.url, { method: 'POST' })).status, 404)
  } finally {
    await health?.close()
  }
})

test('without a port nothing listens, and a port that is taken is told with its remedy', async () => {
  assert.equal(await serveHealth({ healthHost: '127.0.0.1', healthPort: 0 }, () => { throw new Error('not asked') }), undefined)
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as AddressInfo
  await assert.rejects(serveHealth({ healthHost: '127.0.0.1', healthPort: port }, () => { throw new Error('not asked') }), { code: 'health.port-taken' })
  await new Promise((resolve) => taken.close(resolve))
})
