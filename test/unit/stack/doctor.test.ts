import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { examine } from '#stack/doctor.ts'
import { parseApiVersions } from '#runtime/kafka/api-versions.ts'
import { findNode, findSandbox } from '#stack/doctor/machine.ts'
import { findPostgres } from '#stack/doctor/postgres.ts'
import { findKafka } from '#stack/doctor/services.ts'

/** An ApiVersions answer of version 0: Produce (0) from 0 to 12, Fetch (1) from the given version to 17. */
function answer(lowestFetch: number): Buffer {
  const body = Buffer.from([
    0, 0, 0, 0, // correlation id
    0, 0, // no error
    0, 0, 0, 2, // two APIs
    0, 0, 0, 0, 0, 12,
    0, 1, 0, lowestFetch, 0, 17,
  ])
  return Buffer.concat([Buffer.from([0, 0, 0, body.length]), body])
}

/** A listener that answers everything with these bytes, in two pieces. */
async function listening(bytes: Buffer, work: (address: string) => Promise<void>): Promise<void> {
  const server = createServer((socket) => socket.once('data', () => {
    socket.write(bytes.subarray(0, 3))
    setImmediate(() => socket.end(bytes.subarray(3)))
  })).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await work(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.close()
  }
}

test('the versions of each API are read from the broker\'s answer', () => {
  assert.deepEqual([...parseApiVersions(answer(4).subarray(4))], [[0, { lowest: 0, highest: 12 }], [1, { lowest: 4, highest: 17 }]])
})

test('a broker that dropped the old versions of Fetch is new enough', async () => {
  await listening(answer(4), async (address) => {
    assert.deepEqual((await findKafka({ KAFKA_BROKERS: address })).map(({ state }) => state), ['ok'])
  })
})

test('a broker that still speaks them is older than 4.0', async () => {
  await listening(answer(0), async (address) => {
    assert.deepEqual((await findKafka({ KAFKA_BROKERS: address })).map(({ state }) => state), ['too-old'])
  })
})

test('something else that listens there is not taken for a broker', async () => {
  await listening(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), async (address) => {
    const [finding] = await findKafka({ KAFKA_BROKERS: address })
    assert.equal(finding?.state, 'unreachable')
    assert.match(finding?.found ?? '', /not a Kafka broker/)
  })
})

test('the password of a database that cannot be reached is not shown', async () => {
  const [finding] = await findPostgres({ DATABASE_URL: 'postgres://ada:secret@127.0.0.1:1/d' })
  assert.equal(finding?.state, 'unreachable')
  assert.doesNotMatch(JSON.stringify(finding), /secret/)
})

test('Node is too old, risky or right', async () => {
  const states = await Promise.all(['22.20.0', '24.21.0', '24.22.1', '26.0.0'].map((version) => findNode(version)))
  assert.deepEqual(states.flat().map(({ state }) => state), ['too-old', 'warning', 'ok', 'ok'])
})

test('where there is no util-linux it is not asked for', async () => {
  assert.deepEqual(await findSandbox('darwin'), [])
})

test('each finding that is not well says what to do', async () => {
  const findings = await examine({ env: { PATH: '/nowhere', SLUICE_CACHE: '/nowhere/cache' } })
  const bad = findings.filter(({ state }) => state !== 'ok')
  assert.ok(bad.some(({ part }) => part === 'ffmpeg'))
  assert.deepEqual(bad.filter(({ remedy }) => remedy === undefined), [])
})
