import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { HTTP_LIMITS } from '#processors/download/net/http-download.ts'
import { gif, LOOPBACK, openWorld, verdict, type World } from './world.ts'

const WHOLE = Buffer.concat([gif(), Buffer.from(Array.from({ length: 500_000 }, (_, index) => index % 251))])
const CUT_AT = 200_000
const SHA256 = createHash('sha256').update(WHOLE).digest()

type Answer = (response: ServerResponse, request: IncomingMessage) => void

/** Sends the first part of the file and breaks the connection. */
const broken = (headers: Record<string, string>): Answer => (response) => {
  response.writeHead(200, { 'content-length': String(WHOLE.length), ...headers })
  response.write(WHOLE.subarray(0, CUT_AT), () => response.socket!.destroySoon())
}

/** What a server does that honours Range and If-Range. */
const rest = (headers: Record<string, string>): Answer => (response, request) => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1])
  response.writeHead(206, { 'content-range': `bytes ${start}-${WHOLE.length - 1}/${WHOLE.length}`, ...headers }).end(WHOLE.subarray(start))
}

const whole = (headers: Record<string, string> = {}): Answer => (response) => { response.writeHead(200, headers).end(WHOLE) }

describe('a download whose connection breaks', () => {
  let world: World
  let requests: IncomingMessage[]
  beforeEach(async () => { world = await openWorld(LOOPBACK, { limits: { ...HTTP_LIMITS, resumeDelayMs: 1 } }); requests = [] })
  afterEach(() => world.close())

  async function fetchFrom(...answers: Answer[]): Promise<Buffer> {
    const origin = await world.serve((request, response) => {
      requests.push(request)
      answers[Math.min(requests.length, answers.length) - 1]!(response, request)
    })
    return (await world.fetch(`${origin}/a.gif`)).sha256
  }

  const ranges = (): (string | undefined)[] => requests.map(({ headers }) => headers.range)
  const startOf = (range: string | undefined): number => Number(/\d+/.exec(range!)![0])

  test('goes on where it stopped, with proof that the file is the same', async () => {
    assert.deepEqual(await fetchFrom(broken({ etag: '"v1"' }), rest({ etag: '"v1"' })), SHA256)
    assert.equal(requests[1]!.headers['if-range'], '"v1"')
    assert.ok(startOf(requests[1]!.headers.range) > 0 && startOf(requests[1]!.headers.range) <= CUT_AT)
    assert.deepEqual(await world.blobs.read(SHA256), WHOLE)
  })

  test('takes the date for proof when there is no ETag', async () => {
    const date = 'Sat, 21 Nov 2026 00:00:00 GMT'
    assert.deepEqual(await fetchFrom(broken({ 'last-modified': date }), rest({ 'last-modified': date })), SHA256)
    assert.equal(requests[1]!.headers['if-range'], date)
  })

  test('begins again when nothing proves that the file is the same', async () => {
    assert.deepEqual(await fetchFrom(broken({ etag: 'W/"weak"' }), whole()), SHA256)
    assert.deepEqual(ranges(), [undefined, undefined])
  })

  test('begins again when the server sends everything', async () => {
    assert.deepEqual(await fetchFrom(broken({ etag: '"v1"' }), whole({ etag: '"v2"' })), SHA256)
    assert.equal(requests.length, 2)
  })

  test('begins again when the rest is of another version', async () => {
    assert.deepEqual(await fetchFrom(broken({ etag: '"v1"' }), rest({ etag: '"v2"' }), whole({ etag: '"v2"' })), SHA256)
    assert.deepEqual(ranges().map((range) => range === undefined), [true, false, true])
  })

  test('begins again when the server sends another part than asked for', async () => {
    const wrong: Answer = (response) => {
      response.writeHead(206, { 'content-range': `bytes 7-${WHOLE.length - 1}/${WHOLE.length}`, etag: '"v1"' }).end(WHOLE.subarray(7))
    }
    assert.deepEqual(await fetchFrom(broken({ etag: '"v1"' }), wrong, whole({ etag: '"v1"' })), SHA256)
  })

  test('begins again when the server knows no such part', async () => {
    const unsatisfiable: Answer = (response) => { response.writeHead(416).end() }
    assert.deepEqual(await fetchFrom(broken({ etag: '"v1"' }), unsatisfiable, whole({ etag: '"v2"' })), SHA256)
  })

  test('is given back to be tried later when it breaks again and again, and leaves nothing', async () => {
    await assert.rejects(fetchFrom(broken({})), verdict('RetryLater', 'download.connection'))
    assert.equal(requests.length, 6)
    assert.deepEqual(await world.temporaries(), [])
  })

  test('is given back too when the server breaks and misleads in turn', async () => {
    const misleading: Answer = (response) => { response.writeHead(416).end() }
    const etag = { etag: '"v1"' }
    await assert.rejects(fetchFrom(broken(etag), misleading, broken(etag), misleading, broken(etag), misleading, broken(etag)), verdict('RetryLater', 'download.connection'))
    assert.equal(requests.length, 7)
  })

  test('is gone when the file is gone meanwhile', async () => {
    const gone: Answer = (response) => { response.writeHead(410).end() }
    await assert.rejects(fetchFrom(broken({ etag: '"v1"' }), gone), verdict('Reject', 'download.gone'))
    assert.deepEqual(await world.temporaries(), [])
  })
})
