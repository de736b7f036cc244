/** What is put into the sink, and with it the truth about what must come out. */
import { openCodec, type Codec } from '#runtime/avro/codec.ts'
import { connectRegistry } from '#runtime/avro/registry.ts'
import type { KafkaConnection } from '#runtime/kafka/client.ts'
import type { Producer } from '#runtime/kafka/patches.ts'
import { partitionOfKey } from '#runtime/loop/partition-of-key.ts'
import type { AssetClustered } from '#schemas'
import type { Random } from '#test/delivery/faults/random.ts'
import { clusteredAsset } from '#test/support/clustered-assets.ts'
import { assetClustered } from '#topics'

/** 'refused' by the database, for a vector that holds NaN; 'garbled' cannot be decoded. */
type Kind = 'sound' | 'refused' | 'garbled'

export interface Input {
  id: string
  kind: Kind
  asset: AssetClustered
  value: Buffer
  partition: number
  /** Where it stands; several when it was put in again. */
  offsets: number[]
}

/** Half precision, little-endian. */
const NAN = 0x7e00

export class Inputs {
  readonly all: Input[] = []
  readonly #producer: Producer
  readonly #codec: Codec
  readonly #random: Random
  #made = 0

  private constructor(producer: Producer, codec: Codec, random: Random) {
    this.#producer = producer
    this.#codec = codec
    this.#random = random
  }

  static async open(connection: KafkaConnection, registryUrl: string, random: Random): Promise<Inputs> {
    const producer = connection.kafka.producer({ idempotent: true })
    await producer.connect()
    return new Inputs(producer, await openCodec(connectRegistry(registryUrl), [assetClustered]), random)
  }

  /** Some more: a few of them faulty, and now and then one that has been there before. */
  async putSome(): Promise<void> {
    const made = Array.from({ length: this.#random.whole(4, 24) }, () => this.#make())
    const again = this.all.length > 0 && this.#random.next() < 0.3 ? [this.#random.pick(this.all.filter(({ kind }) => kind === 'sound'))] : []
    this.all.push(...made)
    const inputs = [...made, ...again]
    const messages = inputs.map(({ id, value, partition }) => ({ key: id, value, partition, headers: { 'event-id': id } }))
    const acknowledged = await this.#producer.sendBatch({ acks: -1, topicMessages: [{ topic: assetClustered.name, messages }] })
    const next = new Map(acknowledged.map(({ partition, baseOffset }) => [partition, Number(baseOffset)]))
    for (const input of inputs) {
      const offset = next.get(input.partition)!
      input.offsets.push(offset)
      next.set(input.partition, offset + 1)
    }
  }

  /** What was put in of this kind. */
  of(kind: Kind): Input[] {
    return this.all.filter((input) => input.kind === kind)
  }

  /** The offset after the last record of each partition that has any. */
  ends(): Map<number, number> {
    const ends = new Map<number, number>()
    for (const { partition, offsets } of this.all) ends.set(partition, Math.max(ends.get(partition) ?? 0, ...offsets.map((offset) => offset + 1)))
    return ends
  }

  async close(): Promise<void> {
    await this.#producer.disconnect()
  }

  #make(): Input {
    const asset = clusteredAsset(this.#made++)
    const kind = this.#kind()
    if (kind === 'refused') asset.embedding!.vector.writeUInt16LE(NAN, 2 * this.#random.whole(0, 511))
    const value = kind === 'garbled' ? Buffer.from(`no record of ${asset.assetId}`) : this.#codec.encode(assetClustered, asset)
    return { id: asset.assetId, kind, asset, value, partition: partitionOfKey(Buffer.from(asset.assetId), assetClustered.partitions), offsets: [] }
  }

  /** The very first one is sound, so that there is one to repeat. */
  #kind(): Kind {
    const lot = this.#made === 1 ? 1 : this.#random.next()
    if (lot < 0.005) return 'garbled'
    return lot < 0.015 ? 'refused' : 'sound'
  }
}
