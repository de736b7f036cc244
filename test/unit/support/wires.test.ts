/** What the fault tests' proxies know of the protocols, on bytes made by hand from their specifications. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Link } from '#test/support/tcp-proxy.ts'
import { API, kafkaWire, LostReplies } from '../../delivery/faults/kafka-wire.ts'
import { LostCommits, postgresWire } from '../../delivery/faults/postgres-wire.ts'

/** A connection as far as a wire sees it. */
function fakeLink() {
  const link = { isMaimed: false, losesReplies: false, cuts: 0, cut: () => void (link.cuts += 1) }
  return { link: link as unknown as Link, seen: link }
}

function request(apiKey: number, correlationId: number): Buffer {
  const frame = Buffer.alloc(4 + 8 + 3)
  frame.writeInt32BE(11, 0)
  frame.writeInt16BE(apiKey, 4)
  frame.writeInt16BE(1, 6)
  frame.writeInt32BE(correlationId, 8)
  return frame
}

function response(correlationId: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeInt32BE(4 + body.length, 0)
  head.writeInt32BE(correlationId, 4)
  return Buffer.concat([head, body])
}

function address(port: number): Buffer {
  const bytes = Buffer.concat([Buffer.from([0, 9]), Buffer.from('127.0.0.1'), Buffer.alloc(4)])
  bytes.writeInt32BE(port, 11)
  return bytes
}

const PORTS = { broker: 9092, proxy: 20_001 }

test('the broker\'s address is replaced by the proxy\'s in answers to Metadata and FindCoordinator, and nowhere else', () => {
  const wire = kafkaWire(fakeLink().link, () => PORTS, new LostReplies())
  const fetch = 1
  for (const [id, apiKey] of [API.metadata, API.findCoordinator, fetch].entries()) wire.toServer(request(apiKey, id))
  const body = Buffer.concat([Buffer.from('x'), address(9092), Buffer.from('y'), address(9093)])
  const changed = Buffer.concat([Buffer.from('x'), address(20_001), Buffer.from('y'), address(9093)])
  assert.deepEqual(wire.toClient(response(0, body)), response(0, changed))
  assert.deepEqual(wire.toClient(response(1, body)), response(1, changed))
  assert.deepEqual(wire.toClient(response(2, body)), response(2, body))
})

test('a message that comes in pieces is passed on when it is whole', () => {
  const wire = kafkaWire(fakeLink().link, () => PORTS, new LostReplies())
  const asked = request(API.metadata, 7)
  wire.toServer(asked.subarray(0, 5))
  wire.toServer(asked.subarray(5))
  const whole = response(7, address(9092))
  assert.equal(wire.toClient(whole.subarray(0, 12)).length, 0)
  assert.deepEqual(wire.toClient(whole.subarray(12)), response(7, address(20_001)))
})

test('only the reply to the next request of the chosen kind is lost; the one before it still arrives', async () => {
  const replies = new LostReplies()
  const { link, seen } = fakeLink()
  const wire = kafkaWire(link, () => PORTS, replies)
  wire.toServer(request(API.produce, 1))
  const { lost } = replies.next('endTxn', 'cut')
  wire.toServer(request(API.produce, 2))
  wire.toServer(request(API.endTxn, 3))
  assert.equal(wire.toClient(response(2, Buffer.from('ok'))).length, 10)
  assert.equal(seen.isMaimed, false)
  assert.equal(wire.toClient(response(3, Buffer.from('ok'))).length, 0)
  await lost
  assert.equal(seen.losesReplies, true)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(seen.cuts, 1)
})

test('an order that was cancelled loses nothing', () => {
  const replies = new LostReplies()
  const { link, seen } = fakeLink()
  const wire = kafkaWire(link, () => PORTS, replies)
  replies.next('endTxn', 'cut').cancel()
  wire.toServer(request(API.endTxn, 1))
  assert.equal(wire.toClient(response(1, Buffer.from('ok'))).length, 10)
  assert.equal(seen.isMaimed, false)
})

// Postgres

function startUp(): Buffer {
  const text = Buffer.from('user\0sluice\0\0')
  const head = Buffer.alloc(8)
  head.writeInt32BE(8 + text.length, 0)
  head.writeInt32BE(196_608, 4)
  return Buffer.concat([head, text])
}

function typed(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

const query = (text: string): Buffer => typed('Q', Buffer.from(`${text}\0`))

test('the reply to COMMIT is lost and no other', async () => {
  const commits = new LostCommits()
  const { link, seen } = fakeLink()
  const wire = postgresWire(link, commits)
  const { lost } = commits.next('half-open')
  for (const message of [startUp(), query('begin'), typed('d', Buffer.from('Q\0\0\0\x0bcommit\0')), query('select 1')]) wire.toServer(message)
  assert.equal(seen.losesReplies, false, 'copied bytes that look like a COMMIT are none')
  wire.toServer(query('commit'))
  assert.equal(seen.losesReplies, true)
  wire.toClient(typed('C', Buffer.from('COMMIT\0')))
  await lost
})

test('a COMMIT is recognised however the stream is cut', () => {
  const stream = Buffer.concat([startUp(), typed('d', Buffer.alloc(3_000)), query('commit')])
  for (const size of [1, 2, 3, 7, 1_000]) {
    const commits = new LostCommits()
    const { link, seen } = fakeLink()
    const wire = postgresWire(link, commits)
    void commits.next('half-open')
    for (let at = 0; at < stream.length; at += size) wire.toServer(stream.subarray(at, at + size))
    assert.equal(seen.losesReplies, true, `in pieces of ${size} bytes`)
  }
})
