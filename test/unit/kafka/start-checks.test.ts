import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { defineTopology } from '#runtime/define/topology.ts'
import { defineProcessor, type Halt } from '#runtime/api.ts'
import { checkBeforeStart, findProblems } from '#runtime/kafka/start-checks.ts'
import { configOf } from '#runtime/kafka/topic-config.ts'
import { parseTopicId } from '#runtime/kafka/topic-id.ts'
import type { FoundTopic } from '#runtime/kafka/topic-plan.ts'
import { createLog } from '#runtime/log.ts'
import { counting, noteCounted, noteShouted, noteTaken, type Note } from '#test/support/sample-stage.ts'

const log = createLog('test', 'silent')
const shout = defineProcessor({ name: 'shout', version: 1, reads: noteCounted, writes: [noteShouted], handle: (note: Note) => [noteShouted(note)] })
const topology = defineTopology({ enters: [noteTaken], stages: [counting, shout], leaves: [noteShouted] })

/** Every topic as `topics apply` leaves it, but for some differences. */
function found(differences: Record<string, { partitions?: number; config?: Record<string, string> }> = {}): Map<string, FoundTopic> {
  return new Map(topology.topics.map((plan) => {
    const config = { ...configOf(plan, 1), ...differences[plan.name]?.config }
    return [plan.name, { partitions: differences[plan.name]?.partitions ?? plan.partitions, config, own: config }]
  }))
}

const codes = (topics: Map<string, FoundTopic>, replicas = 1): string[] => findProblems(topology.stages, topology.topics, topics, replicas).map(({ code }) => code)

test('stages whose topics are as declared may start', () => {
  assert.deepEqual(codes(found()), [])
})

test('a stateful stage refuses an input that has another number of partitions than its changelog', () => {
  assert.deepEqual(codes(found({ 'note.taken': { partitions: 3 } })), ['state.partitions-differ'])
  // The changelog alone: as many as declared must be there for the entries to go to.
  assert.deepEqual(codes(found({ 'count.kept': { partitions: 1 } })), ['state.partitions-differ', 'topics.changed'])
})

test('partitions that were added to input and changelog alike are refused too: keys have moved away from their state', () => {
  assert.deepEqual(codes(found({ 'note.taken': { partitions: 4 }, 'count.kept': { partitions: 4 } })), ['topics.changed'])
})

test('partitions that were added to a topic without state are no reason to stop, missing ones are', () => {
  assert.deepEqual(codes(found({ 'note.shouted': { partitions: 6 } })), [])
  assert.deepEqual(codes(found({ 'note.shouted': { partitions: 1 } })), ['topics.changed'])
})

for (const [what, topic, config] of [
  ['a changelog that is no longer compacted', 'count.kept', { 'cleanup.policy': 'delete' }],
  ['a changelog whose old entries are deleted besides', 'count.kept', { 'cleanup.policy': 'compact,delete' }],
  ['a shorter retention', 'note.taken', { 'retention.ms': '60000' }],
  ['a retention by size', 'note.taken', { 'retention.bytes': '1000000' }],
  ['smaller records', 'note.counted', { 'max.message.bytes': '1000' }],
  ['a leader that may lack records', 'note.taken', { 'unclean.leader.election.enable': 'true' }],
  ['dead letters that go early', 'count.dead', { 'retention.ms': '1000' }],
] as const) {
  test(`${what} is a reason not to start`, () => {
    const problems = findProblems(topology.stages, topology.topics, found({ [topic]: { config } }), 1)
    assert.deepEqual(problems.map(({ code }) => code), ['topics.changed'])
    assert.match(problems[0]!.what, new RegExp(`^${topic} .*${Object.keys(config)[0]} is ${Object.values(config)[0]}`))
  })
}

test('fewer replicas that must acknowledge than declared are a reason, more are not', () => {
  const topics = (replicas: string) => found(Object.fromEntries(topology.topics.map(({ name }) => [name, { config: { 'min.insync.replicas': replicas } }])))
  assert.equal(codes(topics('1'), 3).length, topology.topics.length)
  assert.deepEqual(codes(topics('3'), 3), [])
})

test('a longer retention and another compression are no reason to stop', () => {
  assert.deepEqual(codes(found({ 'note.taken': { config: { 'retention.ms': '-1', 'compression.type': 'gzip' } } })), [])
})

/** Answers ApiVersions with Fetch from the given version on. */
async function broker(lowestFetch: number, work: (port: number) => Promise<void>): Promise<void> {
  const body = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, lowestFetch, 0, 17])
  const server = createServer((socket) => socket.once('data', () => socket.end(Buffer.concat([Buffer.from([0, 0, 0, body.length]), body])))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await work((server.address() as AddressInfo).port)
  } finally {
    server.close()
  }
}

/** What the admin client tells: brokers, and topics of which none exists. */
const adminOf = (ports: number[]) => ({
  describeCluster: () => Promise.resolve({ brokers: ports.map((port, nodeId) => ({ nodeId, host: '127.0.0.1', port })), controller: 0, clusterId: '' }),
  listTopics: () => Promise.resolve([]),
}) as never

const check = (ports: number[]) => checkBeforeStart([shout], { connection: { admin: adminOf(ports) }, topology, replicationFactor: 1, log })

test('all problems are told together, each with its remedy, and the first one names the halt', async () => {
  await broker(4, (young) => broker(0, async (old) => {
    await assert.rejects(check([young, old]), ({ code, message, remedy }: Halt) => {
      assert.equal(code, 'kafka.too-old')
      // The broker, and the three topics of this stage: input, output, dead letters.
      assert.deepEqual(message.split('\n').map((line) => line.split(' ').slice(0, 3).join(' ')), ['The broker at', 'The topic note.counted', 'The topic note.shouted', 'The topic shout.dead'])
      assert.match(remedy, /4\.0 or later.*\n.*topics apply/)
      return true
    })
  }))
})

test('a broker that does not answer is not taken for an old one', async () => {
  let closed = 0
  await broker(4, (port) => Promise.resolve(void (closed = port)))
  await assert.rejects(check([closed]), { code: 'kafka.topic-missing' })
})

test('brokers that do not tell anything halt the start as unreachable', async () => {
  const admin = { describeCluster: () => Promise.reject(new Error('no answer')), listTopics: () => Promise.resolve([]) } as never
  await assert.rejects(checkBeforeStart([shout], { connection: { admin }, topology, replicationFactor: 1, log }), { code: 'kafka.unreachable' })
})

/** Metadata version 12, written by hand after the protocol's description: one broker, one topic. */
function metadata(error: number, end?: number): Buffer {
  return Buffer.from([
    0, 0, 0, 0, 0, // correlation id, no tags
    0, 0, 0, 0, // throttle
    2, 0, 0, 0, 1, 3, 0x61, 0x62, 0, 0, 0x23, 0x84, 0, 0, // one broker: id 1, host "ab", port 9092, no rack, no tags
    3, 0x63, 0x64, // cluster "cd"
    0, 0, 0, 1, // controller
    2, 0, error, 2, 0x74, // one topic: error, name "t"
    0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, // id
    0, 1, 0, 0, 0, 0, 0, 0, // not internal, no partitions …
  ]).subarray(0, end)
}

test('a topic\'s id is read from the broker\'s answer, and nothing else is taken for one', () => {
  assert.equal(parseTopicId(metadata(0)), 'f00102030405060708090a0b0c0d0e0f')
  assert.throws(() => parseTopicId(metadata(3)), /error 3/)
  for (let end = 0; end < 51; end++) assert.throws(() => parseTopicId(metadata(0, end)), `cut after ${end} bytes`)
})
