/** Submits the demo's items by the three ways there are: as bytes, by path and by URL. */
import { readFile } from 'node:fs/promises'
import { AssetFailedError, type AssetStored, type Producer, type Submission } from '#client'
import { v7 as uuidv7 } from 'uuid'
import { encodeEvent } from '#client/event.ts'
import { openCodec } from '#runtime/avro/codec.ts'
import { connectRegistry } from '#runtime/avro/registry.ts'
import { systemClock } from '#runtime/clock.ts'
import type { Config } from '#runtime/config.ts'
import { connectKafka } from '#runtime/kafka/client.ts'
import { KafkaOutbox } from '#runtime/kafka/outbox.ts'
import type { Log } from '#runtime/log.ts'
import { assetSubmitted } from '#topics'
import type { FileServer } from './file-server.ts'
import type { DemoItem } from './media/item.ts'

/** What is submitted: the demo's own item, or a file or URI of the user's. */
export type Item = Pick<DemoItem, 'name' | 'uri' | 'kind' | 'tags'> & Partial<DemoItem>

export interface Submitted {
  item: Item
  assetId: string
  submittedAtMs: number
}

const SOURCE = 'demo'

/** How items get in. */
export interface Ways {
  producer: Producer
  server: FileServer
  odd: OddProducer
}

export async function submitItem(item: Item, index: number, { producer, server, odd }: Ways): Promise<Submitted> {
  const submittedAtMs = systemClock.now()
  const common = { sourceId: item.name, tags: item.tags, attributes: { name: item.name }, source: SOURCE }
  const assetId = isCommon(item.uri)
    ? await producer.submit({ ...common, ...await placeOf(item, index, server) })
    : await odd.submit({ ...common, uri: item.uri })
  return { item, assetId, submittedAtMs }
}

/** Broken files go by path: the client itself would refuse an empty one. */
async function placeOf({ path, uri, kind, name }: Item, index: number, server: FileServer): Promise<Pick<Submission, 'uri' | 'bytes'>> {
  if (path === undefined || kind === 'broken' || index % 3 === 0) return { uri }
  return index % 3 === 1 ? { uri: server.urlOf(name) } : { bytes: await readFile(path) }
}

function isCommon(uri: string): boolean {
  return /^(https?|file|blob):/.test(uri)
}

/** Sends what our client would refuse, as a producer in another language may. */
export interface OddProducer {
  submit(submission: Submission & { uri: string }): Promise<string>
  close(): Promise<void>
}

export async function openOddProducer(config: Config, log: Log): Promise<OddProducer> {
  const connection = await connectKafka({ brokers: config.kafkaBrokers, clientId: 'sluice-demo' }, log)
  const codec = await openCodec(connectRegistry(config.registryUrl), [assetSubmitted])
  const outbox = new KafkaOutbox(connection.kafka, systemClock, log)
  return {
    async submit(submission) {
      const assetId = uuidv7()
      await outbox.send([encodeEvent(codec, { assetId, submittedAtMs: systemClock.now(), submission })])
      return assetId
    },
    async close() {
      await outbox.close()
      await connection.close()
    },
  }
}

export type Outcome = (Submitted & { latencyMs: number }) & ({ stored: AssetStored } | { failed: AssetFailedError })

export async function outcomeOf(submitted: Submitted, producer: Producer, timeoutMs: number): Promise<Outcome> {
  const done = (): Submitted & { latencyMs: number } => ({ ...submitted, latencyMs: systemClock.now() - submitted.submittedAtMs })
  try {
    const stored = await producer.waitUntilStored(submitted.assetId, { timeoutMs })
    return { ...done(), stored }
  } catch (error) {
    if (error instanceof AssetFailedError) return { ...done(), failed: error }
    throw error
  }
}
