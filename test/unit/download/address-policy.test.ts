import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AddressPolicy } from '#processors/download/net/address-policy.ts'
import { verdict } from './world.ts'

const policy = new AddressPolicy([])

/** As a URL parser hands the host on: decimal, octal and hexadecimal forms are addresses by then. */
const hostOf = (uri: string): string => new URL(uri).hostname

describe('addresses', () => {
  for (const [address, what] of [
    ['127.0.0.1', 'loopback'], ['127.255.255.254', 'loopback'], ['0.0.0.0', 'this host'], ['0.1.2.3', 'this network'],
    ['10.0.0.1', 'private'], ['172.16.0.1', 'private'], ['172.31.255.255', 'private'], ['192.168.1.1', 'private'],
    ['100.64.0.1', 'carrier NAT'], ['100.100.100.200', 'metadata of a cloud'], ['169.254.169.254', 'metadata of a cloud'],
    ['168.63.129.16', 'metadata of a cloud'], ['192.0.0.192', 'metadata of a cloud'], ['192.0.2.1', 'documentation'],
    ['198.18.0.1', 'benchmarking'], ['198.51.100.7', 'documentation'], ['203.0.113.9', 'documentation'],
    ['192.88.99.1', '6to4 relay'], ['224.0.0.1', 'multicast'], ['239.255.255.255', 'multicast'], ['240.0.0.1', 'reserved'], ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'], ['::1', 'loopback'], ['fe80::1', 'link-local'], ['fe80::1%eth0', 'link-local with a zone'], ['fec0::1', 'site-local'],
    ['fc00::1', 'unique local'], ['fd00:ec2::254', 'metadata of a cloud'], ['ff02::1', 'multicast'], ['100::1', 'discard'],
    ['2001:db8::1', 'documentation'], ['3fff::1', 'documentation'], ['2001:2::1', 'benchmarking'], ['2001:20::1', 'ORCHID'], ['5f00::1', 'segment routing'],
    ['::ffff:127.0.0.1', 'mapped loopback'], ['::ffff:7f00:1', 'mapped loopback'], ['::ffff:10.0.0.1', 'mapped private'],
    ['::127.0.0.1', 'compatible loopback'], ['::ffff:0:127.0.0.1', 'translated loopback'], ['2002:7f00:1::', '6to4 of loopback'], ['2002:a9fe:a9fe::', '6to4 of metadata'],
    ['64:ff9b::a9fe:a9fe', 'NAT64 of metadata'], ['64:ff9b::7f00:1', 'NAT64 of loopback'], ['64:ff9b:1::808:808', 'local NAT64'],
    ['2001:0:808:808::f5ff:fffe', 'Teredo of 10.0.0.1'], ['2606:4700::5efe:10.0.0.1', 'ISATAP of 10.0.0.1'], ['2606:4700::200:5efe:10.0.0.1', 'ISATAP of 10.0.0.1'],
    ['', 'nothing'], ['example.com', 'a name'],
  ] as const) {
    test(`${address || '(empty)'}, ${what}, is refused`, () => {
      assert.equal(policy.standingOf(address), 'refused')
    })
  }

  for (const address of ['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.1', '100.63.255.255', '100.128.0.1', '193.0.0.1', '223.255.255.255',
    '2606:4700::1111', '2a00:1450::1', '2001:4860:4860::8888', '::ffff:8.8.8.8', '64:ff9b::808:808', '2606:4700::5efe:8.8.8.8']) {
    test(`${address} is public`, () => {
      assert.equal(policy.standingOf(address), 'public')
    })
  }

  for (const uri of ['http://2130706433/', 'http://0x7f.1/', 'http://0177.0.0.1/', 'http://127.1/', 'http://0/', 'http://[::ffff:127.0.0.1]/', 'http://%31%32%37.0.0.1/', 'http://127.0.0.1./']) {
    test(`however loopback is spelled, as in ${uri}, it is refused`, () => {
      assert.equal(policy.standingOf(hostOf(uri)), 'refused')
    })
  }

  test('an allowed range opens itself, in both spellings, and nothing beside it', () => {
    const open = new AddressPolicy(['10.1.0.0/16', 'fd12::/32', '192.168.7.7'])
    assert.equal(open.standingOf('10.1.2.3'), 'allowed')
    assert.equal(open.standingOf('::ffff:10.1.2.3'), 'allowed')
    assert.equal(open.standingOf('fd12::9'), 'allowed')
    assert.equal(open.standingOf('192.168.7.7'), 'allowed')
    for (const address of ['10.2.0.1', 'fd13::9', '192.168.7.8', '64:ff9b::a01:203', '2002:a01:203::']) assert.equal(open.standingOf(address), 'refused')
  })

  test('a range that is none stops the start with its remedy', () => {
    for (const text of ['intranet', '10.0.0.0/33', '10.0.0/8x']) assert.throws(() => new AddressPolicy([text]), verdict('Halt', 'config.invalid'))
  })
})
