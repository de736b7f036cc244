import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Membership } from '#runtime/kafka/membership.ts'
import { VirtualClock } from '#runtime/memory/virtual-clock.ts'

const P0 = { topic: 't', partition: 0 }
const P1 = { topic: 't', partition: 1 }

function member() {
  const clock = new VirtualClock()
  const membership = new Membership(clock, 10_000)
  membership.settled([P0])
  membership.heard(0)
  return { clock, membership }
}

test('a member holds what the group gave it, and nothing else', () => {
  const { membership } = member()
  assert.deepEqual([membership.holds(P0), membership.holds(P1)], [true, false])
})

test('a member that has not heard from the coordinator for half a session does not trust its partitions', async () => {
  const { clock, membership } = member()
  await clock.advance(5_000)
  assert.equal(membership.holds(P0), true)
  await clock.advance(1)
  assert.equal(membership.holds(P0), false)
  membership.heard(0)
  assert.equal(membership.holds(P0), true)
})

test('an answer proves what it proved when its request was sent, however late it comes', async () => {
  const { clock, membership } = member()
  await clock.advance(8_000)
  membership.heard(6_000)
  assert.equal(membership.holds(P0), false)
  membership.heard(4_000)
  assert.equal(membership.holds(P0), true)
})

test('a late answer takes nothing back that an earlier one proved', async () => {
  const { clock, membership } = member()
  await clock.advance(4_000)
  membership.heard(9_000)
  assert.equal(membership.holds(P0), true)
})

test('nothing is held while the group rebalances', () => {
  const { membership } = member()
  membership.unsettled()
  assert.equal(membership.holds(P0), false)
  membership.settled([P1])
  assert.deepEqual([membership.holds(P0), membership.holds(P1)], [false, true])
})
