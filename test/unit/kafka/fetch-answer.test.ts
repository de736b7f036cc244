/** kafkajs decodes the partitions of a fetch one after the other, and waits for a turn of the event loop at each. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { registerCodecs } from '#runtime/kafka/compression.ts'
import { CompressionCodecs, CompressionTypes } from '#runtime/kafka/patches.ts'
import type { RecordSet } from '#runtime/kafka/repairs/record-set.ts'
import { encodeRecordBatch } from '#runtime/kafka/repairs/record-writer.ts'

const require = createRequire(import.meta.url)
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object
const decodeField = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages') as (decoder: object) => Promise<unknown>
const Broker = require('kafkajs/src/broker') as { prototype: { fetch(request: { topics: object[] }): Promise<{ responses: { partitions: { messages: RecordSet }[] }[] }> } }
const SEND_REQUEST = Object.getOwnPropertySymbols(Broker.prototype).find(({ description }) => description === 'private:Broker:sendRequest')!

/** A codec that does nothing, and for that as long as the test wants. */
class HeldCodec {
  begun = 0
  readonly #held = Promise.withResolvers<void>()

  compress = async ({ buffer }: { buffer: Buffer }): Promise<Buffer> => buffer

  decompress = async (buffer: Buffer): Promise<Buffer> => {
    this.begun += 1
    await this.#held.promise
    return buffer
  }

  release(): void {
    this.#held.resolve()
  }
}

const codec = new HeldCodec()
CompressionCodecs[CompressionTypes.LZ4] = () => codec as never
after(registerCodecs)

/** As it stands in an answer: its length, then a batch of one record. */
async function field(text: string): Promise<Buffer> {
  const messages = [{ key: null, value: Buffer.from(text), headers: {}, timestampMs: 1 }]
  const batch = await encodeRecordBatch({ compression: CompressionTypes.LZ4, producerId: 1, producerEpoch: 0, firstSequence: 0, transactional: false, messages })
  const length = Buffer.alloc(4)
  length.writeInt32BE(batch.length)
  return Buffer.concat([length, batch])
}

/** A fetch whose answer has these partitions, decoded as kafkajs does: each when the one before is. */
function fetchOf(fields: Buffer[]): Promise<string[]> {
  const answering = {
    lookupRequest: () => () => ({}),
    async [SEND_REQUEST]() {
      const partitions: { messages: unknown }[] = []
      for (const bytes of fields) partitions.push({ messages: await decodeField(new Decoder(bytes)) })
      return { responses: [{ partitions }] }
    },
  }
  return Broker.prototype.fetch.call(answering as never, { topics: [] })
    .then(({ responses }) => responses.flatMap(({ partitions }) => partitions).map(({ messages }) => String(messages.records[0]?.value)))
}

test('all partitions of an answer are decompressed at the same time, and the answer has the records of each', async () => {
  const fetching = fetchOf([await field('a'), Buffer.alloc(4), await field('b'), await field('c')])
  await turn()
  assert.equal(codec.begun, 3)
  codec.release()
  assert.deepEqual(await fetching, ['a', 'undefined', 'b', 'c'])
})

test('an answer with one damaged partition is none', async () => {
  const damaged = await field('b')
  damaged[damaged.length - 1]! ^= 1
  await assert.rejects(fetchOf([await field('a'), damaged, await field('c')]), { name: 'RangeError', message: /checksum/ })
})
