/** What Kafka's own Java tools reach on this machine: the same records produced and consumed by their perf tests. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installParts } from '#stack/install.ts'
import type { Metric } from '../result.ts'
import type { Ground } from './ground.ts'
import { createTopics, idOf, parcelTopic, TEXT_BYTES, textOf } from './parcels.ts'

const DEADLINE_MS = 120_000
/** Different payloads in the file, from which the tool chooses at random. */
const PAYLOADS = 20_000
/** Batches as large as ours, so that compression and requests are not what differs. */
const PRODUCER = ['acks=all', 'compression.type=zstd', 'compression.zstd.level=1', 'batch.size=524288', 'linger.ms=20', 'buffer.memory=67108864']

/**
 * A copy consumes and produces each record, so its rate is the harmonic sum of the two that the tools measure.
 * `reads` holds `count` parcels; `recordsPerSecond` is our own copy's.
 */
export async function measureJava(ground: Ground, reads: string, count: number, recordsPerSecond: number): Promise<{ verified: boolean; metrics: Metric[] }> {
  const tool = await openTools()
  const writes = parcelTopic('parcel.performed')
  await createTopics(ground, [writes])
  const dir = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  try {
    await writeFile(join(dir, 'payloads'), Array.from({ length: PAYLOADS }, (_, n) => idOf(n) + textOf(n, TEXT_BYTES)).join('\n'))
    const consumed = await tool('ConsumerPerformance', ['--bootstrap-server', ground.brokers, '--topic', reads, '--num-records', String(count), '--hide-header'])
    const produced = await tool('ProducerPerformance', [
      '--bootstrap-server', ground.brokers, '--topic', writes.name, '--num-records', String(count), '--warmup-records', String(count / 10), '--throughput', '-1',
      '--payload-file', join(dir, 'payloads'), '--command-property', ...PRODUCER,
    ])
    const consume = consumeRateOf(consumed)
    const produce = produceRateOf(produced)
    const copy = 1 / (1 / consume.perSecond + 1 / produce)
    const ratio = recordsPerSecond / copy
    return {
      verified: consume.records >= count && (await sizeOf(ground, writes.name)) === count,
      metrics: [
        { name: 'java_ratio', value: ratio, unit: '', target: '≥ 0.5', met: ratio >= 0.5 },
        { name: 'java_copy_per_s', value: copy, unit: '/s' },
        { name: 'java_consume_per_s', value: consume.perSecond, unit: '/s' },
        { name: 'java_produce_per_s', value: produce, unit: '/s' },
      ],
    }
  } finally {
    await ground.connection.admin.deleteTopics({ topics: [writes.name] })
    await rm(dir, { recursive: true, force: true })
  }
}

async function openTools(): Promise<(name: string, args: string[]) => Promise<string>> {
  const programs = await installParts(['kafka'], () => {})
  const lib = join(programs.homes.kafka!, 'lib')
  const classPath = (await readdir(lib)).sort().map((name) => join(lib, name)).join(':')
  const options = { timeout: DEADLINE_MS, killSignal: 'SIGKILL', maxBuffer: 16 << 20 } as const
  return async (name, args) => (await promisify(execFile)(programs.java, ['-Xmx512m', '-cp', classPath, `org.apache.kafka.tools.${name}`, ...args], options)).stdout
}

/** Its one line: times, megabytes, records, time of the rebalance and of fetching, and last the records a second of fetching. */
function consumeRateOf(output: string): { records: number; perSecond: number } {
  const fields = output.trim().split('\n').at(-1)!.split(',').map((field) => field.trim())
  if (fields.length !== 10) throw new Error(`ConsumerPerformance wrote ${JSON.stringify(output.slice(-300))}`)
  return { records: Number(fields[4]), perSecond: Number(fields[9]) }
}

/** Its last line is about the time after the warm-up. */
function produceRateOf(output: string): number {
  const found = /([\d.]+) records\/sec/.exec(output.trim().split('\n').at(-1)!)
  if (!found) throw new Error(`ProducerPerformance wrote ${JSON.stringify(output.slice(-300))}`)
  return Number(found[1])
}

async function sizeOf({ connection }: Ground, topic: string): Promise<number> {
  return (await connection.admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0)
}
