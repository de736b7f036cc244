/** The service that turns frames into vectors: the configured model, its batches and its cache. */
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { defineService, Halt, Reject, RetryLater, type ServiceEnvironment } from '#runtime/api.ts'
import { reasonOf, verdictOf } from '#runtime/errors.ts'
import { Slots } from '#runtime/loop/slots.ts'
import type { ModelCard } from '#models/card.ts'
import { PULLABLE } from '#models/catalogue.ts'
import { DESCRIPTOR_ID } from '#models/descriptor/card.ts'
import { describeModel, ensureDescriptor, type InstalledModel } from '#models/store.ts'
import { agreeingSizes } from './batch-sizes.ts'
import { Batcher } from './batcher.ts'
import { unitHalf } from './half.ts'
import { openInference, type Inference } from './inference.ts'
import { pixelsOf } from './pictures.ts'
import { VectorCache } from './vector-cache.ts'

export interface Encoder {
  readonly card: ModelCard
  readonly weightsSha256: Buffer
  /**
   * The frame's unit vector, half precision. The same frame gives the same bytes, cached or not, whatever else is asked
   * for at the same time; `read` is called only when it is not cached.
   * @throws Reject `embed.frame-undecodable`, `embed.no-direction`; RetryLater `embed.inference-failed`, `embed.frame-unreadable`
   */
  vectorOf(frame: Buffer, read: () => Promise<Buffer>): Promise<Buffer>
  close(): Promise<void>
}

/** Pictures being read, decoded or waiting for the model: two batches, so that one is prepared while the other runs. */
const IN_FLIGHT_PICTURES = 32

/** Raised when `pixelsOf` gives other numbers for the same card. */
const PREPARATION_VERSION = 1

export const encoder = defineService<Encoder>({
  name: 'encoder',
  open: openEncoder,
  close: (opened) => opened.close(),
})

/** @throws Halt `embed.model-missing`, `embed.model-changed`, `embed.model-unusable` */
export async function openEncoder({ config, log }: Pick<ServiceEnvironment, 'config' | 'log'>): Promise<Encoder> {
  const { card, path } = await installed(config.modelsDir, config.model)
  const inference = await openModel(path, card, config.inferenceThreads)
  const sizes = await trySizes(inference, card)
  log.info({ model: card.id, batchSizes: sizes }, 'model opened')
  const cache = await VectorCache.open(join(dirname(config.blobsDir), 'vectors', cacheName(card)), card.dimensions * 2, log)
  return new CachedEncoder(card, inference, new Batcher(inference.infer, sizes), cache)
}

async function installed(dir: string, id: string): Promise<InstalledModel> {
  if (id === DESCRIPTOR_ID) return ensureDescriptor(dir)
  const model = await describeModel(dir, id)
  if (model?.state === 'ready') return model
  const command = PULLABLE.some((card) => card.id === id) ? `sluice model pull ${id}` : `sluice model add FILE --id ${id}`
  if (model?.state === 'file-changed') {
    throw new Halt('embed.model-changed', `${model.path} is not the file that its card names`, `Remove its folder and run: ${command}`)
  }
  throw new Halt('embed.model-missing', `The model ${id} is not in ${dir}`, `Run: ${command} (or set SLUICE_MODEL=${DESCRIPTOR_ID}, the built-in one)`)
}

async function openModel(path: string, card: ModelCard, threads: number): Promise<Inference> {
  try {
    return await openInference(path, card, threads)
  } catch (error) {
    throw unusable(card, error)
  }
}

async function trySizes(inference: Inference, card: ModelCard): Promise<number[]> {
  try {
    return await agreeingSizes(inference.infer, 3 * card.input.size ** 2)
  } catch (error) {
    await inference.close()
    throw unusable(card, error)
  }
}

function unusable(card: ModelCard, cause: unknown): Halt {
  return new Halt('embed.model-unusable', `The model ${card.id} cannot be used: ${reasonOf(cause)}`, 'Install another file or correct its card.', { cause })
}

/** A folder for each way of making vectors. */
function cacheName(card: ModelCard): string {
  const recipe = JSON.stringify([PREPARATION_VERSION, card.sha256, card.input, card.output, card.preprocessing])
  return `${card.id}-${createHash('sha256').update(recipe).digest('hex').slice(0, 16)}`
}

class CachedEncoder implements Encoder {
  readonly card: ModelCard
  readonly weightsSha256: Buffer
  readonly #inference: Inference
  readonly #batcher: Batcher
  readonly #cache: VectorCache
  readonly #slots = new Slots(IN_FLIGHT_PICTURES)
  /** Frames being computed: a second asker waits for the first one's vector. */
  readonly #inFlight = new Map<string, Promise<Buffer>>()

  constructor(card: ModelCard, inference: Inference, batcher: Batcher, cache: VectorCache) {
    this.card = card
    this.weightsSha256 = Buffer.from(card.sha256, 'hex')
    this.#inference = inference
    this.#batcher = batcher
    this.#cache = cache
  }

  vectorOf(frame: Buffer, read: () => Promise<Buffer>): Promise<Buffer> {
    const key = frame.toString('latin1')
    const running = this.#inFlight.get(key)
    if (running !== undefined) return running
    const vector = this.#cachedOrMade(frame, read).finally(() => this.#inFlight.delete(key))
    this.#inFlight.set(key, vector)
    return vector
  }

  async close(): Promise<void> {
    await this.#cache.close()
    await this.#inference.close()
  }

  async #cachedOrMade(frame: Buffer, read: () => Promise<Buffer>): Promise<Buffer> {
    const cached = await this.#cache.get(frame)
    if (cached !== undefined) return cached
    const vector = await this.#slots.use(() => this.#make(frame, read))
    await this.#cache.put(frame, vector)
    return vector
  }

  async #make(frame: Buffer, read: () => Promise<Buffer>): Promise<Buffer> {
    const name = frame.toString('hex')
    const picture = await read().catch((error: unknown) => {
      throw verdictOf(error) ?? new RetryLater('embed.frame-unreadable', `Frame ${name}: ${reasonOf(error)}`, { cause: error })
    })
    const pixels = await pixelsOf(picture, this.card.preprocessing).catch((error: unknown) => {
      throw new Reject('embed.frame-undecodable', `Frame ${name}: ${reasonOf(error)}`, { cause: error })
    })
    const numbers = await this.#batcher.vectorOf(pixels).catch((error: unknown) => {
      throw new RetryLater('embed.inference-failed', reasonOf(error), { cause: error })
    })
    const vector = unitHalf(numbers)
    if (vector === undefined) throw new Reject('embed.no-direction', `Frame ${name} has no direction under ${this.card.id}`)
    return vector
  }
}
