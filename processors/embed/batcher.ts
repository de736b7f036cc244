/**
 * Joins single pictures into batches: whatever waits when the model becomes free goes in together. No timer is needed:
 * an idle model starts at once, a busy one finds a full batch when it is done. One run at a time, since a run uses all
 * threads it is given.
 */
import type { Infer } from './inference.ts'

interface Waiting {
  picture: Float32Array
  resolve(vector: Float32Array): void
  reject(error: unknown): void
}

export class Batcher {
  readonly #infer: Infer
  readonly #sizes: readonly number[]
  readonly #queue: Waiting[] = []
  #isRunning = false

  /** `sizes` as `agreeingSizes` gives them: no other size is ever run. */
  constructor(infer: Infer, sizes: readonly number[]) {
    this.#infer = infer
    this.#sizes = sizes
  }

  /** The picture's vector; rejects when its batch fails. Bounded by its caller. */
  vectorOf(picture: Float32Array): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ picture, resolve, reject })
      if (!this.#isRunning) void this.#drain()
    })
  }

  /** Never rejects: failures go to those who wait. */
  async #drain(): Promise<void> {
    this.#isRunning = true
    // Pictures that become ready in the same turn go in together.
    await Promise.resolve()
    while (this.#queue.length > 0) await this.#runBatch(this.#takeBatch())
    this.#isRunning = false
  }

  #takeBatch(): Waiting[] {
    const size = this.#sizes.findLast((candidate) => candidate <= this.#queue.length) ?? this.#queue.length
    return this.#queue.splice(0, size)
  }

  async #runBatch(batch: Waiting[]): Promise<void> {
    try {
      const vectors = await this.#infer(this.#filled(batch.map(({ picture }) => picture)))
      batch.forEach(({ resolve }, i) => resolve(vectors[i]!))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  /** A batch below the smallest size repeats its last picture. */
  #filled(pictures: Float32Array[]): Float32Array[] {
    const missing = Math.max(0, this.#sizes[0]! - pictures.length)
    return [...pictures, ...Array.from({ length: missing }, () => pictures.at(-1)!)]
  }
}
