import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { HTTP_LIMITS } from '#processors/download/net/http-download.ts'
import { SELF_MADE } from './self-made-certificate.ts'
import { gif, openWorld, verdict, LOOPBACK, type World } from './world.ts'

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()

/** Answers in order, one for each request; the last one for ever. */
function inOrder(...answers: ((request: IncomingMessage, response: ServerResponse) => void)[]) {
  const requests: IncomingMessage[] = []
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    requests.push(request)
    answers[Math.min(requests.length, answers.length) - 1]!(request, response)
  }
  return { requests, listener }
}

const status = (code: number, headers: Record<string, string> = {}) => (_: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(code, headers).end()
}

const file = (bytes: Buffer, headers: Record<string, string> = {}) => (_: IncomingMessage, response: ServerResponse): void => {
  response.writeHead(200, headers).end(bytes)
}

describe('a download over HTTP', () => {
  let world: World
  beforeEach(async () => { world = await openWorld() })
  afterEach(() => world.close())

  test('stores the bytes and says what the server claimed and what they are', async () => {
    const origin = await world.serve(file(gif(), { 'content-type': 'Image/PNG; charset=binary', etag: '"v1"' }))
    assert.deepEqual(await world.fetch(`${origin}/a/picture.jpg?token=secret#x`), {
      sha256: sha256(gif()), bytes: 43, sniffedType: 'image/gif', declaredType: 'image/png', finalUri: `${origin}/a/picture.jpg`, validator: '"v1"',
    })
    assert.deepEqual(await world.blobs.read(sha256(gif())), gif())
    assert.deepEqual(await world.temporaries(), [])
  })

  test('takes the type from the extension when the server claims none', async () => {
    const origin = await world.serve(file(gif(), { 'last-modified': 'Sat, 21 Nov 2026 00:00:00 GMT' }))
    const { declaredType, validator } = await world.fetch(`${origin}/picture.JPG`)
    assert.deepEqual([declaredType, validator], ['image/jpeg', 'Sat, 21 Nov 2026 00:00:00 GMT'])
  })

  test('asks for plain bytes, and sends neither cookies nor credentials', async () => {
    const { requests, listener } = inOrder(
      (_, response) => response.writeHead(302, { location: `http://user:secret@${requests[0]!.headers.host}/b`, 'set-cookie': 'a=b' }).end(), file(gif()))
    await world.fetch(`${await world.serve(listener)}/a`)
    assert.equal(requests[1]!.url, '/b')
    for (const { headers } of requests) {
      assert.deepEqual(Object.keys(headers).sort(), ['accept', 'accept-encoding', 'connection', 'host', 'user-agent'])
      assert.equal(headers['accept-encoding'], 'identity')
    }
  })

  for (const [code, name, reason] of [
    [404, 'Reject', 'download.not-found'], [410, 'Reject', 'download.gone'], [401, 'Reject', 'download.forbidden'], [403, 'Reject', 'download.forbidden'],
    [451, 'Reject', 'download.forbidden'], [400, 'Reject', 'download.http-status'], [418, 'Reject', 'download.http-status'], [300, 'Reject', 'download.http-status'],
    [304, 'Reject', 'download.http-status'], [206, 'Reject', 'download.http-status'], [204, 'Reject', 'download.empty'],
    [429, 'RetryLater', 'download.busy'], [500, 'RetryLater', 'download.server-error'], [503, 'RetryLater', 'download.server-error'], [408, 'RetryLater', 'download.server-error'],
  ] as const) {
    test(`answered ${code} is ${reason}`, async () => {
      const origin = await world.serve(status(code))
      await assert.rejects(world.fetch(`${origin}/a.jpg`), verdict(name, reason))
      assert.deepEqual(await world.stored(), [])
    })
  }

  test('waits as long as Retry-After says, in seconds', async () => {
    const origin = await world.serve(status(503, { 'retry-after': '120' }))
    await assert.rejects(world.fetch(`${origin}/a.jpg`), { code: 'download.server-error', afterMs: 120_000 })
  })

  test('a host that asked for a long pause is not asked by others meanwhile', async () => {
    const { requests, listener } = inOrder(status(429, { 'retry-after': '600' }))
    const origin = await world.serve(listener)
    await assert.rejects(world.fetch(`${origin}/a.jpg`), { code: 'download.busy', afterMs: 600_000 })
    await assert.rejects(world.fetch(`${origin}/b.jpg`), (error: { code: string; afterMs: number }) => error.code === 'download.busy' && error.afterMs > 590_000)
    assert.equal(requests.length, 1)
  })

  test('an empty body is refused', async () => {
    const origin = await world.serve(file(Buffer.alloc(0)))
    await assert.rejects(world.fetch(`${origin}/a.jpg`), verdict('Reject', 'download.empty'))
  })

  test('bytes other than those the producer named are refused and not kept', async () => {
    const origin = await world.serve(file(gif()))
    await assert.rejects(world.fetch(`${origin}/a.jpg`, sha256(gif(100))), verdict('Reject', 'download.wrong-hash'))
    assert.deepEqual(await world.stored(), [])
  })

  test('what the store has already is not fetched again, and the answer is the same as when it was fetched', async () => {
    const { requests, listener } = inOrder(file(gif(), { 'content-type': 'image/png', etag: '"v1"' }))
    const origin = await world.serve(listener)
    const fetched = await world.fetch(`${origin}/a.jpg?x`, sha256(gif()))
    const found = await world.fetch(`${origin}/a.jpg?x`, sha256(gif()))
    assert.deepEqual(found, fetched)
    assert.deepEqual(found, { sha256: sha256(gif()), bytes: 43, sniffedType: 'image/gif', declaredType: 'image/jpeg', finalUri: `${origin}/a.jpg`, validator: null })
    assert.equal(requests.length, 1)
  })

  for (const [what, body] of [['a web page', '<!DOCTYPE html><title>Log in</title>'], ['a page in disguise', ' \n<!-- x --><HTML><body>'], ['a page in UTF-16', '\ufeff<html>']] as const) {
    test(`${what} instead of a picture is told apart`, async () => {
      const bytes = Buffer.from(body, body.startsWith('\ufeff') ? 'utf16le' : 'utf8')
      const origin = await world.serve(file(bytes, { 'content-type': 'image/jpeg' }))
      await assert.rejects(world.fetch(`${origin}/a.jpg`), verdict('Reject', 'download.html'))
    })
  }

  test('JSON instead of a picture is no media', async () => {
    const origin = await world.serve(file(Buffer.from('{"error":"expired"}'), { 'content-type': 'image/jpeg' }))
    await assert.rejects(world.fetch(`${origin}/a.jpg`), { code: 'download.not-media', message: 'the bytes are a JSON document' })
  })

  for (const encoding of ['br', 'gzip', 'gzip, gzip, gzip, gzip, gzip, br', 'deflate']) {
    test(`a body in ${encoding} is refused unread`, async () => {
      const origin = await world.serve(file(gif(), { 'content-encoding': encoding }))
      await assert.rejects(world.fetch(`${origin}/a.gif`), verdict('Reject', 'download.content-encoding'))
    })
  }

  test('headers without end are refused', async () => {
    const big = await world.serveRaw((socket) => { socket.write(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(1_000_000)}\r\n\r\n`) })
    await assert.rejects(world.fetch(`${big}/a.jpg`), verdict('Reject', 'download.headers-too-big'))
    const many = await world.serveRaw((socket) => { socket.write(`HTTP/1.1 200 OK\r\n${'x: a\r\n'.repeat(10_000)}\r\n`) })
    await assert.rejects(world.fetch(`${many}/a.jpg`), verdict('Reject', 'download.headers-too-big'))
  })

  test('what is not HTTP is a failed connection', async () => {
    const origin = await world.serveRaw((socket) => { socket.end('220 mail.example ESMTP\r\n') })
    await assert.rejects(world.fetch(`${origin}/a.jpg`), verdict('RetryLater', 'download.connection'))
  })

  test('a closed port is a failed connection', async () => {
    const origin = await world.serve(status(200))
    await world.close()
    world = await openWorld()
    await assert.rejects(world.fetch(`${origin}/a.jpg`), { code: 'download.connection', message: /ECONNREFUSED/ })
  })

  test('a certificate that proves nothing is not accepted', async () => {
    const origin = await world.serveTls(SELF_MADE, file(gif()))
    await assert.rejects(world.fetch(`${origin}/a.jpg`), verdict('RetryLater', 'download.tls'))
  })

  test('the caller\'s abort ends it with the caller\'s reason, and leaves nothing', async () => {
    const controller = new AbortController()
    const origin = await world.serve((_, response) => {
      response.write(gif(300_000), () => controller.abort(new Error('the partition is gone')))
    })
    await assert.rejects(world.fetch(`${origin}/a.gif`, null, controller.signal), /the partition is gone/)
    assert.deepEqual(await world.temporaries(), [])
  })
})

describe('redirects', () => {
  let world: World
  beforeEach(async () => { world = await openWorld() })
  afterEach(() => world.close())

  for (const code of [301, 302, 303, 307, 308]) {
    test(`${code} is followed, and the final URI is kept`, async () => {
      const origin = await world.serve((request, response) => {
        if (request.url === '/a') response.writeHead(code, { location: 'b/c?token=secret' }).end('moved')
        else response.end(gif())
      })
      assert.equal((await world.fetch(`${origin}/a`)).finalUri, `${origin}/b/c`)
    })
  }

  test('five are followed, and six are too many', async () => {
    const { requests, listener } = inOrder((request, response) => {
      const hop = Number(request.url!.slice(1))
      if (hop === 0) response.end(gif())
      else response.writeHead(302, { location: `/${hop - 1}` }).end()
    })
    const origin = await world.serve(listener)
    await world.fetch(`${origin}/5`)
    requests.length = 0
    await assert.rejects(world.fetch(`${origin}/6`), verdict('Reject', 'download.redirect-limit'))
    assert.equal(requests.length, 6)
  })

  test('a loop ends', async () => {
    const origin = await world.serve(status(302, { location: '/again' }))
    await assert.rejects(world.fetch(`${origin}/a`), verdict('Reject', 'download.redirect-limit'))
  })

  for (const hop of [1, 4]) {
    for (const target of ['http://10.0.0.1/', 'http://169.254.169.254/latest/', 'http://[::1]/', 'http://0.0.0.0/', 'http://secret.internal/']) {
      test(`hop ${hop + 1} to ${target} is blocked, though the first hop was allowed`, async () => {
        await world.close()
        world = await openWorld(LOOPBACK, { resolve: async () => ['192.168.0.5'] })
        const origin = await world.serve((request, response) => {
          const left = Number(request.url!.slice(1))
          response.writeHead(302, { location: left === 1 ? target : `/${left - 1}` }).end()
        })
        await assert.rejects(world.fetch(`${origin}/${hop}`), verdict('Reject', 'download.address-blocked'))
      })
    }
  }

  for (const target of ['file:///etc/passwd', 'gopher://127.0.0.1:70/', 'data:image/gif;base64,R0lGODlhAQABAAAAACw=', 'ftp://127.0.0.1/']) {
    test(`to ${target.slice(0, 25)} is refused for its scheme`, async () => {
      const origin = await world.serve(status(302, { location: target }))
      await assert.rejects(world.fetch(`${origin}/a`), verdict('Reject', 'download.unknown-scheme'))
    })
  }
})

describe('loopback without leave', () => {
  let world: World
  let connections: number
  let port: string
  beforeEach(async () => {
    world = await openWorld({})
    connections = 0
    port = new URL(await world.serveRaw((socket) => { connections += 1; socket.destroy() })).port
  })
  afterEach(() => world.close())

  for (const host of ['127.0.0.1', 'localhost', 'localhost.', 'LOCALHOST', '0.0.0.0', '[::]', '[::1]', '2130706433', '0x7f.1', '0177.0.0.1', '127.1', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[2002:7f00:1::]', '[64:ff9b::7f00:1]']) {
    test(`http://${host}/ makes no connection`, async () => {
      await assert.rejects(world.fetch(`http://${host}:${port}/a.jpg`), verdict('Reject', 'download.address-blocked'))
      assert.equal(connections, 0)
    })
  }
})

describe('limits of a download', () => {
  let world: World
  afterEach(() => world.close())

  test('a length above the limit is refused before the body is read', async () => {
    world = await openWorld({ ...LOOPBACK, SLUICE_MAX_DOWNLOAD_BYTES: '1000' })
    const origin = await world.serve((_, response) => { response.writeHead(200, { 'content-length': '1001' }).flushHeaders() })
    await assert.rejects(world.fetch(`${origin}/a.gif`), verdict('Reject', 'download.too-big'))
  })

  test('a file of exactly the limit is taken', async () => {
    world = await openWorld({ ...LOOPBACK, SLUICE_MAX_DOWNLOAD_BYTES: '1000' })
    const origin = await world.serve((_, response) => { response.write(gif(999)); response.end(Buffer.alloc(1)) })
    assert.equal((await world.fetch(`${origin}/a.gif`)).bytes, 1000)
  })

  test('a body without end is cut at the limit, in little memory, and nothing of it stays', async () => {
    const limitBytes = 128 * 2 ** 20
    world = await openWorld({ ...LOOPBACK, SLUICE_MAX_DOWNLOAD_BYTES: String(limitBytes) })
    const block = gif(2 ** 16)
    const origin = await world.serve((_, response) => {
      const more = (): void => { while (!response.destroyed && response.write(block)); }
      response.on('drain', more)
      more()
    })
    const before = process.memoryUsage().rss
    await assert.rejects(world.fetch(`${origin}/a.gif`), verdict('Reject', 'download.too-big'))
    const grownBytes = process.memoryUsage().rss - before
    assert.ok(grownBytes < limitBytes * 0.75, `memory grew by ${grownBytes} bytes`)
    assert.deepEqual(await world.temporaries(), [])
    assert.deepEqual(await world.stored(), [])
  })

  test('a large file that is no media is given up after its beginning', async () => {
    world = await openWorld()
    let sentBytes = 0
    const block = Buffer.concat([Buffer.from('504b0304', 'hex'), Buffer.alloc(2 ** 16)])
    const closed = Promise.withResolvers<void>()
    const origin = await world.serve((_, response) => {
      response.writeHead(200, { 'content-length': String(2 ** 30) })
      const more = (): void => { while (!response.destroyed && response.write(block)) sentBytes += block.length }
      response.on('drain', more).on('close', () => closed.resolve())
      more()
    })
    await assert.rejects(world.fetch(`${origin}/a.jpg`), verdict('Reject', 'download.not-media'))
    await closed.promise
    assert.ok(sentBytes < 32 * 2 ** 20, `${sentBytes} bytes of 1 GiB were sent`)
  })

  test('a byte at a time ends at the deadline', async () => {
    world = await openWorld({ ...LOOPBACK, SLUICE_DOWNLOAD_DEADLINE_MS: '300' })
    const origin = await world.serve((_, response) => {
      response.write(gif())
      const timer = setInterval(() => response.write('\0'), 20)
      response.on('close', () => clearInterval(timer))
    })
    const startMs = performance.now()
    await assert.rejects(world.fetch(`${origin}/a.gif`), verdict('RetryLater', 'download.timeout'))
    assert.ok(performance.now() - startMs < 1300, 'the deadline and at most a second')
    assert.deepEqual(await world.temporaries(), [])
  })

  test('a server that never answers ends at the deadline', async () => {
    world = await openWorld({ ...LOOPBACK, SLUICE_DOWNLOAD_DEADLINE_MS: '200' })
    const origin = await world.serveRaw(() => {})
    await assert.rejects(world.fetch(`${origin}/a.gif`), verdict('RetryLater', 'download.timeout'))
  })

  test('a transfer below the least rate is given up once its grace is over', async () => {
    world = await openWorld(LOOPBACK, { limits: { ...HTTP_LIMITS, paceGraceMs: 100, minBytesPerSecond: 10_000 } })
    const origin = await world.serve((_, response) => {
      response.write(gif())
      const timer = setInterval(() => response.write('\0'), 20)
      response.on('close', () => clearInterval(timer))
    })
    await assert.rejects(world.fetch(`${origin}/a.gif`), { code: 'download.timeout', message: /less than 10000 bytes a second/ })
  })

  test('a host is asked for four files at once and no more', async () => {
    world = await openWorld()
    let active = 0
    let most = 0
    const held: ServerResponse[] = []
    const origin = await world.serve((_, response) => {
      active += 1
      most = Math.max(most, active)
      held.push(response)
      // Nobody is answered until four are here, so a lower bound than four would never end.
      if (held.length < 4) return
      for (const waiting of held.splice(0)) { active -= 1; waiting.end(gif()) }
    })
    await Promise.all(Array.from({ length: 12 }, (_, index) => world.fetch(`${origin}/${index}.gif`)))
    assert.equal(most, 4)
  })
})
