/** The proxy of the fault tests with plain sockets: each kind of trouble is seen by a client and a server. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { TcpProxy, type ProxyOptions } from '#test/support/tcp-proxy.ts'

interface Scene { proxy: TcpProxy; client: Socket; server: Server; atServer: Promise<Socket> }

/** A client that is connected, by a proxy, to a server; all ended after the test. */
async function scene(t: TestContext, options: Partial<ProxyOptions> = {}): Promise<Scene> {
  const peers: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => peers.push(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = await TcpProxy.open({ targetPort: (server.address() as AddressInfo).port, ...options })
  const atServer = once(server, 'connection').then(([socket]) => socket as Socket)
  const client = connect(proxy.port, '127.0.0.1').on('error', () => {})
  await once(client, 'connect')
  t.after(async () => {
    client.destroy()
    await proxy.close()
    for (const peer of peers) peer.destroy()
    server.close()
  })
  return { proxy, client, server, atServer }
}

async function received(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  return chunk.toString('latin1')
}

/** A timer counts from the beginning of its turn of the event loop, which may lie some milliseconds back. */
const EARLY_MS = 20

test('a healthy proxy passes bytes on in both directions', async (t) => {
  const { client, atServer } = await scene(t)
  client.write('question')
  const peer = await atServer
  assert.equal(await received(peer), 'question')
  peer.write('answer')
  assert.equal(await received(client), 'answer')
})

test('latency delays each direction by at least its time', async (t) => {
  const { proxy, client, atServer } = await scene(t)
  const peer = await atServer
  proxy.set({ latencyMs: 60 })
  const startedMs = performance.now()
  client.write('question')
  await received(peer)
  peer.write('answer')
  await received(client)
  assert.ok(performance.now() - startedMs >= 120 - EARLY_MS, 'twice 60 ms')
})

test('bytes stay in order although jitter draws other latencies for them', async (t) => {
  const draws = [0.99, 0, 0.5, 0.1, 0.9, 0.2]
  const { proxy, client, atServer } = await scene(t, { random: () => draws.shift() ?? 0.3 })
  const peer = await atServer
  proxy.set({ latencyMs: 20, jitterMs: 20 })
  let text = ''
  peer.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  for (const word of ['one ', 'two ', 'three ', 'four']) {
    client.write(word)
    await new Promise((resolve) => setImmediate(resolve))
  }
  while (text.length < 18) await once(peer, 'data')
  assert.equal(text, 'one two three four')
})

test('a narrow line takes the time that its width says', async (t) => {
  const { proxy, client, atServer } = await scene(t)
  const peer = await atServer
  proxy.set({ kbitPerS: 800 })
  const startedMs = performance.now()
  client.write(Buffer.alloc(10_000))
  let bytes = 0
  while (bytes < 10_000) bytes += ((await once(peer, 'data')) as [Buffer])[0].length
  assert.ok(performance.now() - startedMs >= 100 - EARLY_MS, '10,000 bytes are 80 kbit, and at 800 kbit/s take 100 ms')
})

test('a cut closes what is open and refuses what is new, until it is healed', async (t) => {
  const { proxy, client } = await scene(t)
  const closed = once(client, 'close')
  proxy.cut()
  await closed
  const refused = connect(proxy.port, '127.0.0.1')
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNRESET')
  proxy.heal()
  const welcome = connect(proxy.port, '127.0.0.1')
  await once(welcome, 'connect')
  welcome.destroy()
})

test('a reset is an error for the client, and new connections are welcome', async (t) => {
  const { proxy, client, atServer } = await scene(t)
  await atServer
  const failed = once(client, 'error') as Promise<[NodeJS.ErrnoException]>
  proxy.reset()
  assert.equal((await failed)[0].code, 'ECONNRESET')
  const next = connect(proxy.port, '127.0.0.1')
  await once(next, 'connect')
  next.destroy()
})

test('when replies are lost, requests still arrive; healing cuts the connection, for it has lost bytes', async (t) => {
  const { proxy, client, atServer } = await scene(t)
  const peer = await atServer
  let heard = ''
  client.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')))
  proxy.set({ swallow: 'replies' })
  client.write('question')
  assert.equal(await received(peer), 'question')
  const closed = once(client, 'close')
  peer.write('answer')
  client.write('more')
  assert.equal(await received(peer), 'more')
  proxy.heal()
  await closed
  assert.equal(heard, '')
})

test('a connection that has lost nothing survives healing', async (t) => {
  const { proxy, client, atServer } = await scene(t)
  const peer = await atServer
  proxy.set({ latencyMs: 1 })
  proxy.heal()
  client.write('question')
  assert.equal(await received(peer), 'question')
})

test('a connection is cut in the middle of a reply after the bytes that it was given', async (t) => {
  const { proxy, client, atServer } = await scene(t)
  const peer = await atServer
  proxy.set({ dropAfterBytes: 5 })
  let heard = ''
  client.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')))
  peer.write('a long answer')
  await once(client, 'close')
  assert.equal(heard, 'a lon')
})

test('the other side is told late of an end when closing is slow', async (t) => {
  const { proxy, client, atServer } = await scene(t)
  const peer = await atServer
  peer.resume()
  proxy.set({ closeDelayMs: 80 })
  const startedMs = performance.now()
  client.end()
  await once(peer, 'end')
  assert.ok(performance.now() - startedMs >= 80 - EARLY_MS)
})

test('closing the proxy ends its connections', async (t) => {
  const { proxy, client, atServer } = await scene(t)
  await atServer
  const closed = once(client, 'close')
  proxy.cut()
  await closed
  assert.equal(proxy.connections, 0)
})
