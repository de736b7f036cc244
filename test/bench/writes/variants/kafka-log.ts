/** What Kafka's log costs: the records of the same assets, as client and stages send them under full load. */
import { randomBytes } from 'node:crypto'
import { openCodec, type Codec } from '#runtime/avro/codec.ts'
import type { Registry } from '#runtime/avro/registry.ts'
import { systemClock } from '#runtime/clock.ts'
import type { Topic } from '#runtime/api.ts'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { KafkaOutbox } from '#runtime/kafka/outbox.ts'
import { configOf } from '#runtime/kafka/topic-config.ts'
import { createLog } from '#runtime/log.ts'
import type { OutgoingRecord } from '#runtime/loop/ports.ts'
import { encodeRecord } from '#runtime/loop/record-encoder.ts'
import type { AssetClustered } from '#schemas'
import { topology } from '#topology'
import { assetOf, type AssetRange } from '../assets/asset-series.ts'
import { rawJson } from '../assets/raw-json.ts'
import type { VariantFigures } from '../report/variant-figures.ts'
import { commitsOf, numbersIn } from '../subjects/session.ts'
import { nothing, type Experiment, type World } from './experiment.ts'
import { onGround, ROOM } from './scene.ts'
import { figuresOf } from './window.ts'

const ASSETS = 20_000
const PLACE = 'kafka'

/** Assets that are under way at once: enough to fill every batch. */
const SLICE = 5_000

/** The topics that an asset passes, each with the facts known by then. */
const FLOW: Topic<AssetClustered>[] = topology.stages.map(({ reads }) => reads)

const PLANS = [
  { name: `${PLACE}/asset.clustered`, about: 'Kafka\'s log: the one record that the sink reads', topics: FLOW.slice(-1) },
  { name: `${PLACE}/flow`, about: `Kafka's log: the ${FLOW.length} records of an asset on its way through the flow`, topics: FLOW },
]

const NOT_HERE = { absent: 'Kafka\'s log only' }

export const kafkaLog: Experiment = {
  names: PLANS.map(({ name }) => name),
  run: (world) => onGround({ ...ROOM, walPoolBytes: 0, kafkaBytes: 8 * 2 ** 30 }, world, async (ground) => {
    const connection = await connectKafka({ brokers: ground.kafkaBrokers!.split(','), clientId: 'bench' }, createLog('bench', 'error'))
    const codec = await openCodec(FIXED_IDS, FLOW)
    const outcome = nothing()
    let from = 0
    try {
      await createTopics(connection)
      for (const { name, about, topics } of PLANS.filter((plan) => world.wants(plan.name))) {
        world.log(`${name}: ${ASSETS.toLocaleString('en')} assets`)
        const range = { from, count: ASSETS }
        const layers = await ground.measure(() => send(connection, codec, topics, range))
        await requireSent(connection, topics, from + ASSETS)
        outcome.variants.push(figuresOfLog({ name, about }, layers, world))
        from += ASSETS
      }
    } finally {
      await connection.close()
    }
    return outcome
  }),
}

function figuresOfLog(labels: { name: string; about: string }, layers: Parameters<typeof figuresOf>[1]['layers'], { arrays }: World): VariantFigures {
  const figures = figuresOf({ ...labels, design: 'ours', rowsPerCommit: 1, preloadedRows: 0, assets: ASSETS }, { layers, statements: 0, rows: 0 }, arrays)
  const { kafka = 'absent' in layers.block ? layers.block : NOT_HERE } = figures.devices
  return { ...figures, sql: NOT_HERE, wal: NOT_HERE, pages: NOT_HERE, devices: { kafka } }
}

async function createTopics({ admin }: KafkaConnection): Promise<void> {
  const plans = topology.topics.filter(({ name }) => FLOW.some((topic) => topic.name === name))
  await admin.createTopics({
    waitForLeaders: true,
    topics: plans.map((plan) => ({
      topic: plan.name, numPartitions: plan.partitions, replicationFactor: 1,
      configEntries: Object.entries(configOf(plan, 1)).map(([name, value]) => ({ name, value })),
    })),
  })
}

async function send({ kafka }: KafkaConnection, codec: Codec, topics: Topic<AssetClustered>[], range: AssetRange): Promise<void> {
  const outbox = new KafkaOutbox(kafka, systemClock, createLog('bench', 'error'))
  for (const slice of commitsOf(range, SLICE)) {
    const assets = numbersIn(slice).map((n) => ({ n, asset: withRaw(n) }))
    for (const topic of topics) await Promise.all(assets.map(({ n, asset }) => outbox.send([recordOf(codec, topic, asset, n)])))
  }
  await outbox.close()
}

/** The records that the topic before held are a part of those after it: a schema takes the facts that it knows. */
function recordOf(codec: Codec, topic: Topic<AssetClustered>, asset: AssetClustered, n: number): OutgoingRecord {
  const headers = { 'event-id': randomBytes(16).toString('hex'), traceparent: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00` }
  return encodeRecord(codec, topic(asset), STARTED_MS + n, headers)
}

/** Event time of the first record: the broker deletes what is older than a week. */
const STARTED_MS = Date.now()

function withRaw(n: number): AssetClustered {
  const asset = assetOf(n)
  return { ...asset, submission: { ...asset.submission, raw: Buffer.from(rawJson(n)) } }
}

/** @throws Error when the topic of the sink does not hold as many records as were sent to it */
async function requireSent({ admin }: KafkaConnection, topics: Topic[], expected: number): Promise<void> {
  const { name } = topics.at(-1)!
  const ends = await admin.fetchTopicOffsets(name)
  const found = ends.reduce((sum, { offset }) => sum + Number(offset), 0)
  if (found !== expected) throw new Error(`${name} holds ${found} records, not ${expected}`)
}

/** Only the width of an id matters to the log. */
const FIXED_IDS: Registry = {
  idOf: (subject) => Promise.resolve(FLOW.findIndex(({ name }) => `${name}-value` === subject) + 1),
  schemaOf: (id) => Promise.resolve(FLOW[id - 1]!.schema),
  register: () => Promise.reject(new Error('nothing is registered here')),
  latest: () => Promise.resolve(undefined),
}
