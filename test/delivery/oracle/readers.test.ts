/** The oracle's readers on a real broker and a real Postgres: what they say is what was written, to the byte. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { createLog } from '#runtime/log.ts'
import { migrate } from '#runtime/postgres/migrate.ts'
import { column, onePerRow, PostgresSinkStore } from '#runtime/postgres/api.ts'
import { dropDatabases, freshDatabase, onServer } from '#test/support/database.ts'
import { stackFor } from '#test/support/stack.ts'
import { readDatabase } from './database.ts'
import type { Row } from './evidence.ts'
import { readWithJava } from './java-reader.ts'
import { installWitness } from './witness.ts'

let connection: KafkaConnection
const stores: PostgresSinkStore<Row, undefined>[] = []
after(async () => {
  await connection?.close()
  await Promise.all(stores.map((store) => store.close()))
  await dropDatabases()
})
const stack = await stackFor(['kafka', 'postgres'])

before(async () => {
  connection = await connectKafka({ brokers: stack.kafkaBrokers.split(','), clientId: 'test' }, createLog('test', 'silent'))
})

async function freshTopic(partitions: number): Promise<string> {
  const topic = `oracle.${randomUUID()}`
  await connection.admin.createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: 1 }] })
  return topic
}

const read = (committed: string[], more: { uncommitted?: string[]; groups?: string[] } = {}) => readWithJava({ brokers: stack.kafkaBrokers, committed, ...more })

const ODD = Buffer.from([0x00, 0xff, 0x0a, 0x22, 0x5c, 0x80])

test('keys, values, headers and times are read to the byte', { timeout: 60_000 }, async () => {
  const topic = await freshTopic(2)
  const producer = connection.kafka.producer({ idempotent: true })
  await producer.connect()
  const big = Buffer.alloc(600_000, 7)
  await producer.send({
    topic,
    messages: [
      { partition: 1, timestamp: '1000', key: Buffer.alloc(4), value: ODD, headers: { 'plain': 'text', 'odd "name" \u00e9\n': ODD, 'empty': '' } },
      { partition: 1, timestamp: '2000', key: null, value: null, headers: { twice: ['one', 'two'] } },
      { partition: 1, timestamp: '3000', key: Buffer.alloc(0), value: Buffer.alloc(0) },
      { partition: 0, timestamp: '4000', key: ODD, value: big },
    ],
  })
  await producer.disconnect()
  const { committed, ends } = await read([topic])
  assert.deepEqual(committed.get(topic), [
    { topic, partition: 0, offset: 0, timestampMs: 4_000, key: ODD, value: big, headers: [] },
    { topic, partition: 1, offset: 0, timestampMs: 1_000, key: Buffer.alloc(4), value: ODD, headers: [['plain', Buffer.from('text')], ['odd "name" \u00e9\n', ODD], ['empty', Buffer.alloc(0)]] },
    { topic, partition: 1, offset: 1, timestampMs: 2_000, key: null, value: null, headers: [['twice', Buffer.from('one')], ['twice', Buffer.from('two')]] },
    { topic, partition: 1, offset: 2, timestampMs: 3_000, key: Buffer.alloc(0), value: Buffer.alloc(0), headers: [] },
  ])
  assert.deepEqual(ends.map(({ partition, offset }) => [partition, offset]), [[0, 1], [1, 3]])
})

test('of overlapping transactions only the committed one is read, and what was aborted can be seen on request', { timeout: 60_000 }, async () => {
  const topic = await freshTopic(1)
  const open = async (key: string | Buffer) => {
    const producer = connection.kafka.producer({ transactionalId: randomUUID(), idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: [{ partition: 0, key, value: 'v' }] })
    return { transaction, close: () => producer.disconnect() }
  }
  const first = await open('first') // 0
  const second = await open(Buffer.alloc(4)) // 1
  const third = await open('third') // 2
  await second.transaction.abort() // 3
  await first.transaction.abort() // 4
  await third.transaction.commit() // 5
  await Promise.all([first, second, third].map(({ close }) => close()))
  // The broker moves the last stable offset when it has written the marker, which is after it has answered.
  let view = await read([topic], { uncommitted: [topic] })
  for (let attempt = 0; view.ends[0]!.offset < 6 && attempt < 10; attempt++) view = await read([topic], { uncommitted: [topic] })
  assert.deepEqual(view.committed.get(topic)!.map(({ offset }) => offset), [2])
  assert.deepEqual(view.uncommitted.get(topic)!.map(({ offset }) => offset), [0, 1, 2])
  assert.deepEqual(view.ends, [{ topic, partition: 0, offset: 6 }])
})

test('a group\'s committed positions are read', { timeout: 60_000 }, async () => {
  const topic = await freshTopic(1)
  const groupId = randomUUID()
  await connection.admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '41' }] })
  const { positions } = await read([topic], { groups: [groupId, 'no-such-group'] })
  assert.deepEqual([...positions], [[groupId, [{ topic, partition: 0, offset: 41 }]], ['no-such-group', []]])
})

test('what cannot be read whole is an error, not a short answer', { timeout: 60_000 }, async () => {
  await assert.rejects(readWithJava({ brokers: '127.0.0.1:1', committed: ['nothing'], deadlineMs: 500 }), /the Java reader ended with/)
})

const TABLE = `create table kept (id uuid primary key, key text, family text, seq int, weight int check (weight >= 0), verdict text, of_id uuid, topic_partition int, topic_offset bigint)`

function openStore(databaseUrl: string, owner: string): PostgresSinkStore<Row, undefined> {
  const tables = onePerRow<Row, undefined>('kept', [
    column('id', 'uuid', ({ id }) => id), column('key', 'text', ({ key }) => key), column('family', 'text', ({ family }) => family),
    column('seq', 'int4', ({ seq }) => seq), column('weight', 'int4', ({ weight }) => weight), column('verdict', 'text', ({ verdict }) => verdict),
    column('of_id', 'uuid', ({ of }) => of), column('topic_partition', 'int4', ({ partition }) => partition), column('topic_offset', 'int8', ({ offset }) => offset),
  ], { provenance: ['topic_partition', 'topic_offset'] })
  const store = new PostgresSinkStore({ sink: 'keep', databaseUrl, owner, rows: { tables: [tables], keyOf: ({ id }: Row) => id, prepare: async () => undefined } })
  stores.push(store)
  return store
}

test('the witness sees each claim, each commit, and the rows of each, but nothing that was rolled back', { timeout: 60_000 }, async () => {
  const databaseUrl = await freshDatabase(stack.databaseUrl)
  await migrate({ databaseUrl, dir: join(import.meta.dirname, '../../../migrations') })
  await onServer(databaseUrl, TABLE)
  await installWitness(databaseUrl)
  const row = (offset: number, weight = 1): Row => ({ id: randomUUID(), key: 'k', family: 'f', seq: offset, weight, verdict: 'original', of: null, partition: 3, offset })
  const rows = [row(0), row(1, -1), row(2)]
  const judged = { topic: 'judged', partition: 3 }
  const [one, two] = [openStore(databaseUrl, 'one'), openStore(databaseUrl, 'two')]
  await one.claim([judged])
  const originOf = (offset: number) => ({ ...judged, offset, eventTimeMs: 0, traceId: null })
  await one.commit({ rows, originOf, failures: [], progress: [{ ...judged, from: 0, to: 3 }] })
  await two.claim([judged])
  await assert.rejects(one.commit({ rows: [row(3)], originOf, failures: [], progress: [{ ...judged, from: 3, to: 4 }] }))

  const view = await readDatabase(databaseUrl)
  const stored = [rows[0]!, rows[2]!].sort((a, b) => (a.id < b.id ? -1 : 1))
  assert.deepEqual(view.rows, stored)
  assert.deepEqual(view.failures, [{ stage: 'keep', code: 'keep.refused-row', ...judged, offset: 1 }])
  const commit = view.moves[1]!.transaction
  const common = { ...judged, owner: 'keep/one', by: 'keep/one' }
  assert.deepEqual(view.moves.map(({ transaction, ...move }) => ({ ...move, isCommit: transaction === commit })), [
    { ...common, from: null, to: 0, epochBefore: null, epoch: 1, isCommit: false },
    { ...common, from: 0, to: 3, epochBefore: 1, epoch: 1, isCommit: true },
    { ...common, from: 3, to: 3, epochBefore: 1, epoch: 2, owner: 'keep/two', by: 'keep/two', isCommit: false },
  ])
  assert.deepEqual(view.insertions.sort((a, b) => a.offset - b.offset), [rows[0]!, rows[2]!].map(({ id, offset }) => ({ id, partition: 3, offset, transaction: commit })))
})
