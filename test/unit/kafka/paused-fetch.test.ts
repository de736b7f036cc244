import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kafkajsModule } from '#runtime/kafka/repairs/kafkajs-modules.ts'
import '#runtime/kafka/patches.ts'

const { prototype } = kafkajsModule<{ prototype: { fetch(nodeId: string): Promise<unknown[]>; resume(partitions: unknown): void } }>('consumer/consumerGroup')
const SubscriptionState = kafkajsModule<new () => { assign(partitions: unknown[]): void; pause(partitions: unknown[]): void }>('consumer/subscriptionState')

const P = [{ topic: 'a.b', partitions: [0, 1] }]
/** Far longer than a test may take. */
const LONG_POLL_MS = 60_000

/** A consumer group that has two partitions, both paused, and no broker. */
function paused() {
  const subscriptionState = new SubscriptionState()
  subscriptionState.assign(P)
  subscriptionState.pause(P)
  return Object.assign(Object.create(prototype) as typeof prototype, { subscriptionState, maxWaitTime: LONG_POLL_MS, seekOffset: new Map<string, unknown>(), logger: { info() {} } })
}

test('a consumer whose partitions are all paused goes on as soon as one is resumed', { timeout: 10_000 }, async () => {
  const group = paused()
  const fetches = [group.fetch('1'), group.fetch('2')]
  group.resume([{ topic: 'a.b', partitions: [1] }])
  assert.deepEqual(await Promise.all(fetches), [[], []])
})

test('a paused consumer carries out a seek before it waits', { timeout: 10_000 }, async () => {
  const group = paused()
  group.seekOffset.set('a.b/0', '7')
  // kafkajs's own fetch, which does that, asks its cluster first.
  const asked = new Error('asked')
  Object.assign(group, { cluster: { refreshMetadataIfNecessary: () => { throw asked } }, recoverFromFetch: (error: unknown) => { throw error } })
  await assert.rejects(group.fetch('1'), asked)
})
