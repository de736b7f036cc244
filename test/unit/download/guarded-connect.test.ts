import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { AddressPolicy } from '#processors/download/net/address-policy.ts'
import { guardedConnect, type Connector } from '#processors/download/net/guarded-connect.ts'
import type { Resolve } from '#processors/download/net/resolve.ts'
import { verdict } from './world.ts'

/** Pretends to connect, and to be connected to `peer`, or to the dialled address. */
function pretendDial(options: { peer?: string; dead?: string[] } = {}): { dialled: string[]; servernames: (string | undefined)[]; dial: Connector } {
  const dialled: string[] = []
  const servernames: (string | undefined)[] = []
  const dial: Connector = ({ hostname, servername }, callback) => {
    dialled.push(hostname)
    servernames.push(servername)
    if (options.dead?.includes(hostname)) return (callback as unknown as (error: Error) => void)(new Error('connect ECONNREFUSED'))
    const socket = new Socket()
    Object.defineProperty(socket, 'remoteAddress', { value: options.peer ?? hostname })
    callback(null, socket)
  }
  return { dialled, servernames, dial }
}

function connect(uri: string, resolve: Resolve, dial: Connector, allowed: string[] = []): Promise<Socket> {
  const { hostname, port, protocol, host } = new URL(uri)
  const connector = guardedConnect({ policy: new AddressPolicy(allowed), resolve, dial })
  return new Promise((done, fail) => connector({ hostname, port, protocol, host }, (error, socket) => (error ? fail(error) : done(socket!))))
}

const never: Resolve = () => assert.fail('a literal address is not resolved')
const answering = (...addresses: string[]): Resolve => async () => addresses

describe('connecting', () => {
  for (const uri of ['http://127.0.0.1/', 'http://0.0.0.0/', 'http://[::]/', 'http://[::1]/', 'http://169.254.169.254/latest/meta-data/', 'http://[::ffff:7f00:1]/', 'http://2130706433/']) {
    test(`${uri} is refused before anything is dialled`, async () => {
      const { dialled, dial } = pretendDial()
      await assert.rejects(connect(uri, never, dial), verdict('Reject', 'download.address-blocked'))
      assert.deepEqual(dialled, [])
    })
  }

  for (const host of ['localhost', 'localhost.', 'LOCALHOST', 'intranet.example']) {
    test(`a name for loopback such as ${host} is refused before anything is dialled`, async () => {
      const { dialled, dial } = pretendDial()
      await assert.rejects(connect(`http://${host}/`, answering('127.0.0.1'), dial), verdict('Reject', 'download.address-blocked'))
      assert.deepEqual(dialled, [])
    })
  }

  for (const addresses of [['8.8.8.8', '10.0.0.1'], ['10.0.0.1', '8.8.8.8'], ['8.8.8.8', '::1']]) {
    test(`a name that answers ${addresses.join(' and ')} is refused`, async () => {
      const { dialled, dial } = pretendDial()
      await assert.rejects(connect('http://mixed.example/', answering(...addresses), dial), verdict('Reject', 'download.address-blocked'))
      assert.deepEqual(dialled, [])
    })
  }

  test('a name that changes its answer is dialled at the address that was checked', async () => {
    const answers = [['8.8.8.8'], ['127.0.0.1']]
    let asked = 0
    const { dialled, dial } = pretendDial()
    await connect('http://rebinding.example/', async () => answers[asked++]!, dial)
    assert.deepEqual(dialled, ['8.8.8.8'])
    assert.equal(asked, 1)
  })

  test('a socket that turns out to be connected elsewhere is closed', async () => {
    const { dial } = pretendDial({ peer: '10.0.0.1' })
    await assert.rejects(connect('http://public.example/', answering('8.8.8.8'), dial), verdict('Reject', 'download.address-blocked'))
  })

  test('when the first address does not answer the next one is tried, three at most', async () => {
    const { dialled, dial } = pretendDial({ dead: ['2606:4700::1', '8.8.8.8'] })
    await connect('http://public.example/', answering('2606:4700::1', '8.8.8.8', '1.1.1.1'), dial)
    assert.deepEqual(dialled, ['2606:4700::1', '8.8.8.8', '1.1.1.1'])
    const dead = pretendDial({ dead: ['1.0.0.1', '1.0.0.2', '1.0.0.3', '1.0.0.4'] })
    await assert.rejects(connect('http://dead.example/', answering('1.0.0.1', '1.0.0.2', '1.0.0.3', '1.0.0.4'), dead.dial), /ECONNREFUSED/)
    assert.equal(dead.dialled.length, 3)
  })

  test('a certificate is expected for the name, though an address is dialled', async () => {
    const { servernames, dial } = pretendDial()
    await connect('https://public.example/', answering('8.8.8.8'), dial)
    assert.deepEqual(servernames, ['public.example'])
  })

  test('ports other than 80 and 443 are open in allowed ranges only', async () => {
    const { dial } = pretendDial()
    await connect('http://public.example:80/', answering('8.8.8.8'), dial)
    await connect('http://public.example:443/', answering('8.8.8.8'), dial)
    await assert.rejects(connect('http://public.example:6379/', answering('8.8.8.8'), dial), verdict('Reject', 'download.port-blocked'))
    await connect('http://inside.example:9000/', answering('10.1.2.3'), dial, ['10.1.0.0/16'])
    await assert.rejects(connect('http://both.example:9000/', answering('10.1.2.3', '8.8.8.8'), dial, ['10.1.0.0/16']), verdict('Reject', 'download.port-blocked'))
  })

  test('a name without an answer is tried later', async () => {
    const { dial } = pretendDial()
    await assert.rejects(connect('http://nowhere.example/', async () => { throw new Error('ENOTFOUND') }, dial), verdict('RetryLater', 'download.dns'))
    await assert.rejects(connect('http://nowhere.example/', answering(), dial), verdict('RetryLater', 'download.dns'))
  })
})
