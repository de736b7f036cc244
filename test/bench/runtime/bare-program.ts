/**
 * The baseline, in a process of its own: kafkajs as it is installed, without any of our repairs, and a copy loop as its
 * documentation shows it (`eachBatch`, `sendBatch`, offsets committed per batch). It knows nothing of Avro, keys or order.
 * Also a reader that says what a topic holds.
 */
import { constants, crc32, zstdCompressSync, zstdDecompress } from 'node:zlib'
import { promisify } from 'node:util'
import kafkajs, { type Consumer, type EachBatchPayload, type KafkaMessage } from 'kafkajs'
import { Stretch, report, specOf, untilStopped } from './child-side.ts'

export type BareSpec =
  | { kind: 'copy'; brokers: string[]; reads: string; writes: string; count: number }
  | { kind: 'read'; brokers: string[]; reads: string; count: number }

/** What a topic holds: so many records, so many different keys, and a sum over keys and values in any order. */
export interface Contents { records: number; ids: number; sum: number }

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs
const decompress = promisify(zstdDecompress)
const CHUNK = { chunkSize: 1 << 20 }
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => zstdCompressSync(buffer, { ...CHUNK, params: { [constants.ZSTD_c_compressionLevel]: 1 } }),
  decompress: (buffer: Buffer) => decompress(buffer, CHUNK),
})

const spec = specOf<BareSpec>()
const kafka = new Kafka({ brokers: spec.brokers, clientId: 'bare', logLevel: logLevel.NOTHING })

/** `reads` from its oldest record on. */
async function openConsumer(): Promise<Consumer> {
  const consumer = kafka.consumer({ groupId: `bare.${process.pid}.${Date.now()}`, maxWaitTimeInMs: 250, maxBytesPerPartition: 1 << 18, maxBytes: 16 << 20 })
  await consumer.connect()
  await consumer.subscribe({ topics: [spec.reads], fromBeginning: true })
  return consumer
}

async function copy({ writes, count }: Extract<BareSpec, { kind: 'copy' }>): Promise<void> {
  const stretch = new Stretch(count)
  const consumer = await openConsumer()
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  let copied = 0
  const eachBatch = async ({ batch: { topic, partition, messages } }: EachBatchPayload): Promise<void> => {
    const copies = messages.map(({ key, value, headers, timestamp }) => ({ partition, key, value, headers: headers!, timestamp }))
    await producer.sendBatch({ acks: -1, compression: CompressionTypes.ZSTD, topicMessages: [{ topic: writes, messages: copies }] })
    await consumer.commitOffsets([{ topic, partition, offset: String(Number(messages.at(-1)!.offset) + 1) }])
    copied += messages.length
    if (stretch.reached(copied)) report('cost', stretch.cost())
  }
  await consumer.run({ autoCommit: false, partitionsConsumedConcurrently: 6, eachBatch })
}

async function read({ count }: Extract<BareSpec, { kind: 'read' }>): Promise<void> {
  const consumer = await openConsumer()
  const contents: Contents = { records: 0, ids: 0, sum: 0 }
  const ids = new Set<string>()
  const add = ({ key, value }: KafkaMessage): void => {
    contents.records += 1
    contents.sum = (contents.sum + crc32(value!, crc32(key!))) % Number.MAX_SAFE_INTEGER
    ids.add(key!.toString('latin1'))
  }
  const finish = (): void => report('contents', { ...contents, ids: ids.size })
  // What comes after the last expected record, if anything, comes at once: one more poll shows it.
  const eachBatch = async ({ batch }: EachBatchPayload): Promise<void> => {
    batch.messages.forEach(add)
    if (contents.records >= count) setTimeout(finish, 500)
  }
  await consumer.run({ autoCommit: false, eachBatch })
}

await (spec.kind === 'copy' ? copy(spec) : read(spec))
await untilStopped()
process.exit()
