import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TopicPlan } from '#runtime/define/topology.ts'
import { applyTopics } from '#runtime/kafka/topic-apply.ts'
import { configOf } from '#runtime/kafka/topic-config.ts'
import { diffTopic, type FoundTopic, type TopicChange, type TopicSurroundings } from '#runtime/kafka/topic-plan.ts'

const WEEK_MS = 604_800_000
const plan: TopicPlan = { name: 'asset.submitted', partitions: 6, cleanup: 'delete', retentionMs: WEEK_MS, maxMessageBytes: 1 << 20, schema: null }
const free = { replicationFactor: 1, isKeyBound: false }

/** A topic as it stands on the broker after the plan was applied, but for some differences. */
function found(differences: Partial<Omit<FoundTopic, 'own'>> = {}): FoundTopic {
  const config = { 'min.cleanable.dirty.ratio': '0.5', ...configOf(plan, 1), ...differences.config }
  return { partitions: differences.partitions ?? 6, config, own: configOf(plan, 1) }
}

const kinds = (changes: TopicChange[]): string[] => changes.map(({ kind }) => kind)

test('a topic that is missing is created, and one that is as declared is left alone', () => {
  assert.deepEqual(kinds(diffTopic(plan, undefined, free)), ['create-topic'])
  assert.deepEqual(diffTopic(plan, found(), free), [])
})

test('partitions are added where keys may move, and never where a reader keeps state by partition', () => {
  const [added] = diffTopic(plan, found({ partitions: 3 }), free)
  assert.deepEqual([added?.kind, added?.destructive, added?.refused], ['add-partitions', false, undefined])
  const [refused] = diffTopic(plan, found({ partitions: 3 }), { ...free, isKeyBound: true })
  assert.match(refused?.refused ?? '', /keeps state/)
})

test('partitions are never taken away', () => {
  const [change] = diffTopic(plan, found({ partitions: 12 }), free)
  assert.equal(change?.kind, 'remove-partitions')
  assert.notEqual(change?.refused, undefined)
})

test('what lets records go or refuses them is marked, and what keeps them longer is not', () => {
  const isDestructive = (config: Record<string, string>): boolean | undefined => diffTopic(plan, found({ config }), free)[0]?.destructive
  assert.equal(isDestructive({ 'retention.ms': String(WEEK_MS * 2) }), true)
  assert.equal(isDestructive({ 'retention.ms': '-1' }), true)
  assert.equal(isDestructive({ 'retention.ms': '1000' }), false)
  assert.equal(isDestructive({ 'cleanup.policy': 'compact' }), true)
  assert.equal(isDestructive({ 'max.message.bytes': String(2 << 20) }), true)
  assert.equal(isDestructive({ 'compression.type': 'gzip' }), false)
})

test('a change of one setting keeps what somebody else has set for the topic', () => {
  const topic = { ...found({ config: { 'compression.type': 'gzip' } }), own: { 'follower.replication.throttled.replicas': '*', 'retention.ms': '5' } }
  const [change] = diffTopic(plan, topic, free)
  assert.ok(change?.kind === 'set-config')
  assert.equal(change.set['follower.replication.throttled.replicas'], '*')
  assert.equal(change.set['compression.type'], 'producer')
})

test('with three replicas one may be away, and compacted topics keep tombstones for a day', () => {
  assert.equal(configOf(plan, 3)['min.insync.replicas'], '2')
  assert.equal(configOf(plan, 2)['min.insync.replicas'], '1')
  assert.ok(Number(configOf({ ...plan, cleanup: 'compact' }, 1)['delete.retention.ms']) >= 86_400_000)
})

test('a plan that may lose records, or holds something that is never done, changes nothing at all', async () => {
  const untouchable = new Proxy({}, { get: () => { throw new Error('the broker was touched') } }) as TopicSurroundings
  const lossy = diffTopic(plan, found({ config: { 'retention.ms': '-1' } }), free)
  const creation = diffTopic({ ...plan, name: 'asset.new' }, undefined, free)
  await assert.rejects(applyTopics({ changes: [...creation, ...lossy], replicationFactor: 1 }, untouchable), { code: 'topics.refused' })
  const impossible = diffTopic(plan, found({ partitions: 12 }), free)
  await assert.rejects(applyTopics({ changes: impossible, replicationFactor: 1 }, untouchable, { force: true }), { code: 'topics.refused' })
})
