import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { choosePorts, isFree } from '#stack/ports.ts'

async function listening<T>(work: (port: number) => Promise<T>): Promise<T> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    return await work((server.address() as AddressInfo).port)
  } finally {
    server.close()
  }
}

test('every name gets a port of its own that nobody listens on', async () => {
  const ports = await choosePorts(['a', 'b', 'c'])
  assert.deepEqual(Object.keys(ports), ['a', 'b', 'c'])
  assert.equal(new Set(Object.values(ports)).size, 3)
  assert.deepEqual(await Promise.all(Object.values(ports).map(isFree)), [true, true, true])
})

test('ports lie below those that outgoing connections are given', async () => {
  const { a = 0 } = await choosePorts(['a'])
  assert.ok(a >= 20_000 && a < 32_768)
})

test('the port of the last run is kept when it is free', async () => {
  const first = await choosePorts(['a'])
  assert.deepEqual(await choosePorts(['a'], first), first)
})

test('a port that somebody has taken meanwhile is replaced', async () => {
  await listening(async (port) => {
    assert.equal(await isFree(port), false)
    assert.notEqual((await choosePorts(['a'], { a: port })).a, port)
  })
})

test('two names are never given the same preferred port', async () => {
  const { a = 0 } = await choosePorts(['a'])
  const ports = await choosePorts(['x', 'y'], { x: a, y: a })
  assert.equal(ports.x, a)
  assert.notEqual(ports.y, a)
})
