/** kafkajs's consumer jumps over lost records (C10), delivers batches of before a seek, and keeps rebalances to itself. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { OutOfRange } from '#runtime/kafka/repairs/consumer-repairs.ts'
import '#runtime/kafka/patches.ts'

const require = createRequire(import.meta.url)
const ConsumerGroup = require('kafkajs/src/consumer/consumerGroup') as new (options: object) => any
const Runner = require('kafkajs/src/consumer/runner') as new (options: object) => any
const OffsetManager = require('kafkajs/src/consumer/offsetManager') as new (options: object) => any
const logger = { namespace: () => logger, debug() {}, info() {}, warn() {}, error() {} }

/** kafkajs's own classes around a cluster that cannot be reached: whatever asks it fails the test. */
function consumer() {
  const told: string[] = []
  const committed: object[] = []
  const cluster = { committedOffsets: () => ({}), defaultOffset: () => -2, isConnected: () => true }
  const coordinator = { isConnected: () => true, offsetCommit: async (request: object) => void committed.push(request) }
  const instrumentationEmitter = { emit: (event: string) => void told.push(event) }
  const group = new ConsumerGroup({ logger, cluster, groupId: 'g', topics: ['t'], topicConfigurations: { t: { fromBeginning: true } }, instrumentationEmitter, assigners: [], maxWaitTimeInMs: 1 })
  const settle = (partitions: number[], offset: number): void => {
    group.offsetManager = new OffsetManager({ cluster, coordinator, memberAssignment: { t: partitions }, topicConfigurations: {}, autoCommit: false, groupId: 'g', generationId: 1, memberId: 'm', instrumentationEmitter })
    for (const partition of partitions) group.offsetManager.resolveOffset({ topic: 't', partition, offset: String(offset - 1) })
  }
  settle([0], 10)
  const delivered: string[] = []
  const runner = new Runner({ logger, consumerGroup: group, instrumentationEmitter, heartbeatInterval: 1_000, autoCommit: false, concurrency: 1, onCrash() {}, eachBatchAutoResolve: false, eachBatch: async ({ batch }: any) => void delivered.push(batch.fetchedOffset) })
  runner.running = true
  return { group, runner, settle, told, committed, delivered }
}

const batchAt = (offset: number, partition = 0): object => ({
  topic: 't', partition, fetchedOffset: String(offset), highWatermark: '100', messages: [{ offset: String(offset) }],
  isEmpty: () => false, isEmptyDueToFiltering: () => false, firstOffset: () => String(offset), lastOffset: () => String(offset), offsetLag: () => '0', offsetLagLow: () => '0',
})

test('an offset that is out of range ends the consumer, and commits nothing in its name', async () => {
  const { group, committed } = consumer()
  await assert.rejects(group.recoverFromOffsetOutOfRange({ topic: 't', partition: 0 }), (error: unknown) => {
    assert.ok(error instanceof OutOfRange)
    assert.deepEqual([error.topic, error.partition, error.offset, (error as unknown as { retriable: boolean }).retriable], ['t', 0, 10, false])
    return true
  })
  assert.deepEqual(committed, [])
})

test('a follower that does not have the offset is not believed', async () => {
  const { group } = consumer()
  group.preferredReadReplicasPerTopicPartition = { t: { 0: { nodeId: 2, expireAt: 0 } } }
  await group.recoverFromOffsetOutOfRange({ topic: 't', partition: 0 })
  assert.deepEqual(group.preferredReadReplicasPerTopicPartition, { t: {} })
})

test('a batch that does not begin at the position is not delivered', async () => {
  const { runner, settle, delivered } = consumer()
  await runner.handleBatch(batchAt(10))
  settle([0], 40)
  await runner.handleBatch(batchAt(20))
  assert.deepEqual(delivered, ['10'])
})

test('a batch of a partition that another member has by now is not delivered', async () => {
  const { runner, settle, delivered } = consumer()
  settle([1], 10)
  await runner.handleBatch(batchAt(10, 0))
  assert.deepEqual(delivered, [])
  await runner.handleBatch(batchAt(10, 1))
  assert.deepEqual(delivered, ['10'])
})

test('a commit that comes when the consumer ends is refused, not forgotten', async () => {
  const { runner, committed } = consumer()
  const offsets = { topics: [{ topic: 't', partitions: [{ partition: 0, offset: '10' }] }] }
  await runner.commitOffsets(offsets)
  assert.equal(committed.length, 1)
  runner.running = false
  await assert.rejects(runner.commitOffsets(offsets), /no offsets were committed/)
  assert.equal(committed.length, 1)
})

test('a commit that is refused is not repeated in the next generation', async () => {
  const { group, runner, committed, settle } = consumer()
  group.offsetManager.coordinator.offsetCommit = async () => {
    settle([0], 10)
    throw Object.assign(new Error('rebalance'), { type: 'REBALANCE_IN_PROGRESS' })
  }
  await assert.rejects(runner.commitOffsets({ topics: [{ topic: 't', partitions: [{ partition: 0, offset: '10' }] }] }), /rebalance/)
  assert.deepEqual(committed, [])
})

test('a member that is left without partitions takes nothing from another one of its group in the same process', () => {
  const Cluster = require('kafkajs/src/cluster') as { prototype: object }
  const shared = new Map()
  const [one, other] = [0, 1].map(() => Object.assign(Object.create(Cluster.prototype), { committedOffsetsByGroup: shared }))
  const offsetsOf = (cluster: object, partitions: number[]) => new OffsetManager({ cluster, memberAssignment: partitions.length > 0 ? { t: partitions } : {}, groupId: 'g', autoCommit: false })
  const first = offsetsOf(one, [0])
  first.committedOffsets().t[0] = '7'
  offsetsOf(other, [])
  assert.deepEqual(first.committedOffsets(), { t: { 0: '7' } })
})

test('a refused heartbeat tells of the rebalance at once', async () => {
  for (const type of ['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID']) {
    const { group, told } = consumer()
    Object.assign(group, { memberId: 'm', lastRequest: 0, coordinator: { heartbeat: async () => { throw Object.assign(new Error(type), { type }) } } })
    await assert.rejects(group.heartbeat({ interval: 0 }), { message: type })
    assert.deepEqual(told, ['consumer.rebalancing'])
  }
})

test('a rejoin that stale metadata lead to tells of the rebalance before it begins', async () => {
  const { group, told } = consumer()
  group.cluster.findGroupCoordinator = async () => { throw Object.assign(new Error(`told: ${told}`), { retriable: false }) }
  await assert.rejects(group.joinAndSync(), /told: consumer.rebalancing/)
})
