/** The source around a consumer of kafkajs that does what it is told: joins, batches and ends come when the test says so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as immediate } from 'node:timers/promises'
import { systemClock } from '#runtime/clock.ts'
import type { KafkaConnection } from '#runtime/kafka/client.ts'
import { KafkaSource } from '#runtime/kafka/source.ts'
import { createLog } from '#runtime/log.ts'
import type { PartitionId, Position } from '#runtime/loop/ports.ts'

const P0 = { topic: 't', partition: 0 }
const P1 = { topic: 't', partition: 1 }

class ScriptedConsumer {
  readonly #listeners = new Map<string, (event: { payload: unknown }) => void>()
  eachBatch!: (payload: object) => Promise<void>
  alive = false
  did: string[] = []

  connect = async (): Promise<void> => {}
  subscribe = async (): Promise<void> => {}
  disconnect = async (): Promise<void> => this.end()
  on = (event: string, listener: (event: { payload: unknown }) => void): void => void this.#listeners.set(event, listener)
  run = async ({ eachBatch }: { eachBatch: ScriptedConsumer['eachBatch'] }): Promise<void> => void (this.eachBatch = eachBatch)
  pause = (topics: object): void => this.#do('pause', topics)
  resume = (topics: object): void => this.#do('resume', topics)
  seek = (position: object): void => this.#do('seek', position)

  join(memberId: string, partitions: number[]): void {
    this.alive = true
    this.emit('consumer.group_join', { memberId, memberAssignment: { t: partitions } })
  }

  end(): void {
    this.alive = false
    this.emit('consumer.stop', {})
  }

  emit(event: string, payload: object): void {
    this.#listeners.get(event)?.({ payload })
  }

  /** The offset that the batch moved the position to, if it did. */
  async batch(partition: number, offset: number, { isStale = false } = {}): Promise<string | undefined> {
    let resolved: string | undefined
    await this.eachBatch({
      batch: { topic: 't', partition, messages: [{ offset }], lastOffset: () => String(offset + 5) },
      isStale: () => isStale,
      resolveOffset: (offset: string) => { resolved = offset },
    })
    return resolved
  }

  /** As kafkajs: outside of a life these throw. */
  #do(what: string, detail: object): void {
    if (!this.alive) throw new Error('Consumer group was not initialized, consumer#run must be called first')
    this.did.push(`${what} ${JSON.stringify(detail)}`)
  }
}

async function started() {
  const consumer = new ScriptedConsumer()
  let options: { retry: { restartOnFailure(): Promise<boolean> } }
  const kafka = { consumer: (given: typeof options) => { options = given; return consumer } }
  const admin = {
    fetchOffsets: async () => [{ topic: 't', partitions: [{ partition: 0, offset: '3' }, { partition: 1, offset: '-1' }] }],
    fetchTopicOffsets: async () => [{ partition: 0, low: '2', high: '90' }, { partition: 1, low: '1', high: '90' }],
  }
  const seen = { assigned: [] as PartitionId[][], revoked: [] as PartitionId[][], delivered: [] as number[] }
  const ready = { starts: Promise.resolve([] as Position[]) }
  const source = new KafkaSource({ kafka, admin } as unknown as KafkaConnection, { groupId: 'g', topics: ['t'] }, createLog('test', 'silent'), systemClock)
  await source.start({
    assigned: (partitions) => {
      seen.assigned.push(partitions)
      return ready.starts
    },
    revoked: (partitions) => void seen.revoked.push(partitions),
    records: (_, records) => void seen.delivered.push(...records.map(({ offset }) => offset)),
    failed: (error) => assert.fail(error),
  })
  return { consumer, source, seen, ready, restarts: () => options.retry.restartOnFailure() }
}

/** All that follows without the outside world has happened. */
const settled = (): Promise<void> => immediate()

test('partitions are read from where the listener says, else from the group\'s position, else from the oldest record', async () => {
  const { consumer, ready } = await started()
  ready.starts = Promise.resolve([])
  consumer.join('m1', [0, 1])
  await settled()
  assert.deepEqual(consumer.did, [
    'pause [{"topic":"t","partitions":[0,1]}]',
    'seek {"topic":"t","partition":0,"offset":"3"}', 'seek {"topic":"t","partition":1,"offset":"1"}',
    'resume [{"topic":"t","partitions":[0,1]}]',
  ])
  ready.starts = Promise.resolve([{ ...P0, offset: 50 }])
  consumer.join('m1', [0])
  await settled()
  assert.equal(consumer.did.at(-2), 'seek {"topic":"t","partition":0,"offset":"50"}')
})

test('a batch that comes before the listener is ready is not delivered, and is fetched again', async () => {
  const { consumer, seen, ready } = await started()
  const later = Promise.withResolvers<Position[]>()
  ready.starts = later.promise
  consumer.join('m1', [0])
  assert.equal(await consumer.batch(0, 10), undefined)
  later.resolve([])
  await settled()
  assert.equal(await consumer.batch(0, 3, { isStale: true }), undefined)
  assert.equal(await consumer.batch(0, 3), '8')
  await settled()
  assert.deepEqual(seen.delivered, [3])
})

test('a batch is handed over when kafkajs has had its turn to fetch the next one', async () => {
  const { consumer, seen } = await started()
  consumer.join('m1', [0, 1])
  await settled()
  assert.deepEqual(await Promise.all([consumer.batch(0, 3), consumer.batch(1, 1)]), ['8', '6'])
  assert.deepEqual(seen.delivered, [])
  await settled()
  await settled()
  assert.deepEqual(seen.delivered, [3, 1])
})

test('kafkajs may fetch on while no more waits than a batch of each partition, and waits then', async () => {
  const { consumer, seen } = await started()
  consumer.join('m1', [0, 1])
  await settled()
  await Promise.all([consumer.batch(0, 3), consumer.batch(1, 1), consumer.batch(0, 8)])
  assert.deepEqual(seen.delivered, [])
  assert.equal(await consumer.batch(1, 6), '11')
  assert.deepEqual(seen.delivered, [3])
  for (let turn = 0; turn < 3; turn++) await settled()
  assert.deepEqual(seen.delivered, [3, 1, 8, 6])
})

test('what was read before a seek, a new assignment or the end is not handed over after it', async () => {
  const { consumer, source, seen } = await started()
  consumer.join('m1', [0, 1])
  await settled()
  await Promise.all([consumer.batch(0, 3), consumer.batch(1, 1)])
  source.seek({ ...P0, offset: 2 })
  await settled()
  assert.deepEqual(seen.delivered, [1])
  await consumer.batch(0, 2)
  consumer.join('m1', [0, 1])
  await settled()
  assert.deepEqual(seen.delivered, [1])
  await consumer.batch(0, 2)
  const stopped = source.stop()
  await settled()
  await stopped
  assert.deepEqual(seen.delivered, [1])
})

test('a batch of an older assignment is not delivered while the new one begins', async () => {
  const { consumer, seen, ready } = await started()
  consumer.join('m1', [0])
  await settled()
  ready.starts = new Promise(() => {})
  consumer.join('m1', [0])
  assert.equal(await consumer.batch(0, 3), undefined)
  await settled()
  assert.deepEqual(seen.delivered, [])
})

test('a member that was taken for dead gives up what it held, even when all of it comes back', async () => {
  const { consumer, seen } = await started()
  consumer.join('m1', [0, 1])
  consumer.join('m1', [0])
  assert.deepEqual(seen.revoked, [[P1]])
  consumer.join('m2', [0, 1])
  assert.deepEqual(seen.revoked, [[P1], [P0]])
  assert.deepEqual(seen.assigned, [[P0, P1], [P0], [P0, P1]])
})

test('a listener may ask for less while the consumer is between two lives', async () => {
  const { consumer, source } = await started()
  consumer.join('m1', [0])
  consumer.end()
  source.pause([P0])
  source.resume([P0])
  source.seek({ ...P0, offset: 3 })
  assert.equal(source.holds(P0), false)
})

test('a consumer that is stopped while it crashes does not come back to life', async () => {
  const { source, restarts } = await started()
  assert.equal(await restarts(), true)
  await source.stop()
  assert.equal(await restarts(), false)
})

test('a partition is held from the join until a rebalance begins or the source is stopped', async () => {
  const { consumer, source } = await started()
  consumer.emit('consumer.network.request', { apiName: 'SyncGroup', duration: 3 })
  consumer.join('m1', [0])
  assert.deepEqual([source.holds(P0), source.holds(P1)], [true, false])
  consumer.emit('consumer.rebalancing', {})
  assert.equal(source.holds(P0), false)
  consumer.join('m1', [0])
  assert.equal(source.holds(P0), true)
  await source.stop()
  assert.equal(source.holds(P0), false)
})

test('an answer that was long under way does not show that a partition is still held', async () => {
  const { consumer, source } = await started()
  consumer.emit('consumer.network.request', { apiName: 'SyncGroup', duration: 6_000 })
  consumer.join('m1', [0])
  assert.equal(source.holds(P0), false)
  consumer.emit('consumer.network.request', { apiName: 'Fetch', duration: 1 })
  consumer.emit('consumer.heartbeat', {})
  assert.equal(source.holds(P0), false)
  consumer.emit('consumer.network.request', { apiName: 'Heartbeat', duration: 1 })
  consumer.emit('consumer.heartbeat', {})
  assert.equal(source.holds(P0), true)
})
