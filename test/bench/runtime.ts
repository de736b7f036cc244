/** The runtime without stages' work: throughput, latency, state, memory and idleness. */
import type { Bench, Metric } from './result.ts'
import { measureCopy } from './runtime/copy.ts'
import { openGround, type Ground } from './runtime/ground.ts'
import { measureHop } from './runtime/hop.ts'
import { measureIdle } from './runtime/idle.ts'
import { measureJava } from './runtime/java-copy.ts'
import { measureMemory } from './runtime/memory.ts'
import { createTopics, fill, parcelTopic } from './runtime/parcels.ts'
import { measureRestore, measureStateful } from './runtime/stateful.ts'

const COPIED = 200_000
const DECIDED = 100_000
const ENTRIES = 1_000_000
const CIRCLED = 1_000_000
const CIRCLED_IN_FULL = 10_000_000

interface Measured { verified: boolean; metrics: Metric[] }

export const runtime: Bench = {
  name: 'runtime',
  about: 'A stage that does nothing, run as `sluice run` runs it, against a bare kafkajs eachBatch loop and Kafka\'s own Java tools on the same records, with the broker on the same machine.',
  async run({ full }) {
    const measured: Measured[] = []
    const ground = await openGround()
    try {
      measured.push(...await measureThroughput(ground))
      measured.push(await measureHop(ground))
      measured.push(await measureStateful(ground, DECIDED))
      measured.push(await measureRestore(ground, ENTRIES))
      measured.push(await measureMemory(ground, full ? CIRCLED_IN_FULL : CIRCLED))
    } finally {
      await ground.close()
    }
    measured.push(await measureIdle())
    return { verified: measured.every(({ verified }) => verified), metrics: measured.flatMap(({ metrics }) => metrics), notes: NOTES }
  },
}

async function measureThroughput(ground: Ground): Promise<Measured[]> {
  const topic = parcelTopic('parcel.sent')
  await createTopics(ground, [topic])
  await fill(ground, { topic, count: COPIED })
  const copy = await measureCopy(ground, topic.name, COPIED)
  const java = await measureJava(ground, topic.name, COPIED, copy.recordsPerSecond)
  await ground.connection.admin.deleteTopics({ topics: [topic.name] })
  return [copy, java]
}

const NOTES = [
  `Copy: ${COPIED.toLocaleString('en')} Avro records of about 1,000 bytes (base64 text), 6 partitions in and out, zstd; stage and bare loop by turns, 3 rounds, medians, the first tenth of each not counted. The bare loop is kafkajs as installed, with the same codec and fetch sizes as the stage, an idempotent producer, six partitions side by side, one sendBatch and one offset commit a batch; it copies bytes, while the stage decodes, checks, keys, hashes and encodes. Keys and values of every output topic are compared with the input's.`,
  'records_per_cpu_s counts the processor time of all threads of the process: with the broker on the same cores it is the fairer figure.',
  'Java: kafka-consumer-perf-test and kafka-producer-perf-test on records of the same size and compression; a copy is 1 / (1 / consume + 1 / produce), although one program that did both would share its threads.',
  'Hop: 500 records a second for 20 s; from the acknowledgement of a record to the arrival of its output at a reader, both in the process that writes.',
  'Stateful: one partition, one changelog entry a record, 1,000 records a transaction. Restore: the entries of a real take-over, some 80 bytes each.',
  'Memory: resident size in the second tenth of the records against the last; the stage writes to the topic that it reads. `--full` passes 10 million records.',
  'Idle: `sluice run --all` with all eight stages and nothing to do, 30 s.',
]
