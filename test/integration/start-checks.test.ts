/** Topics that somebody changes on a real broker, and what a start then says. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { COMPATIBILITY } from '#runtime/avro/compatibility.ts'
import { ConfigResourceTypes } from '#runtime/kafka/patches.ts'
import { defineTopology } from '#runtime/define/topology.ts'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { checkBeforeStart } from '#runtime/kafka/start-checks.ts'
import { applyTopics } from '#runtime/kafka/topic-apply.ts'
import { topicId } from '#runtime/kafka/topic-id.ts'
import { planTopics, type TopicSurroundings } from '#runtime/kafka/topic-plan.ts'
import { createLog } from '#runtime/log.ts'
import { eventually } from '#test/support/eventually.ts'
import { counting, noteCounted, noteTaken } from '#test/support/sample-stage.ts'
import { stackFor } from '#test/support/stack.ts'

const log = createLog('test', 'silent')
let connection: KafkaConnection

after(() => connection?.close())
const { kafkaBrokers } = await stackFor(['kafka'], { own: true })
before(async () => {
  connection = await connectKafka({ brokers: kafkaBrokers.split(','), clientId: 'test' }, log)
})

const topology = defineTopology({ enters: [noteTaken], stages: [counting], leaves: [noteCounted] })
const check = () => checkBeforeStart([counting], { connection, topology, replicationFactor: 1, log })

/** Topics only: every schema is registered already as far as this registry tells. */
const surroundings = (): TopicSurroundings => ({
  admin: connection.admin, replicationFactor: 1,
  registry: { idOf: () => Promise.resolve(1) } as unknown as TopicSurroundings['registry'],
  rules: { levelOf: () => Promise.resolve(COMPATIBILITY) } as unknown as TopicSurroundings['rules'],
})

async function apply(force = false): Promise<void> {
  await applyTopics(await planTopics(topology, surroundings()), surroundings(), { force })
}

test('a stage starts on the topics that `topics apply` made, and not before', async () => {
  await assert.rejects(check(), { code: 'kafka.topic-missing' })
  await apply()
  await check()
})

test('a changelog whose cleanup was altered is refused until it is compacted again', async () => {
  await connection.admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: 'count.kept', configEntries: [{ name: 'cleanup.policy', value: 'delete' }] }] })
  await eventually(() => assert.rejects(check(), { code: 'topics.changed', message: /count\.kept .*cleanup\.policy is delete, not compact/ }))
  await apply(true)
  await eventually(check)
})

test('a topic that was deleted and created again has another id', async () => {
  const brokers = kafkaBrokers.split(',')
  const first = await topicId(brokers, 'note.counted')
  assert.equal(await topicId(['127.0.0.1:1', ...brokers], 'note.counted'), first)
  await connection.admin.deleteTopics({ topics: ['note.counted'] })
  await eventually(async () => {
    await apply()
    const second = await topicId(brokers, 'note.counted')
    assert.match(second, /^[0-9a-f]{32}$/)
    assert.notEqual(second, first)
  })
})

test('a partition that was added to a stateful stage\'s input stops it from starting', async () => {
  await connection.admin.createPartitions({ topicPartitions: [{ topic: 'note.taken', count: 3 }] })
  await eventually(() => assert.rejects(check(), { code: 'state.partitions-differ', message: /note\.taken with 3 partitions .*count\.kept with 2 partitions/ }))
})
