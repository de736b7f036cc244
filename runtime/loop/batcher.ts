/**
 * Gathers single values into batches: a batch goes when it is full or when its first value has waited long enough.
 * Each caller gets its own result, so a batch never succeeds or fails as a lump (I7).
 */
import type { Clock } from '../clock.ts'
import type { BatchPolicy, Result } from '../define/processor.ts'
import type { Outgoing } from '../define/topic.ts'

interface Waiting<In> {
  value: In
  resolve: (records: Outgoing[]) => void
  reject: (error: unknown) => void
}

export class Batcher<In> {
  readonly #policy: BatchPolicy
  readonly #clock: Clock
  readonly #handleMany: (values: In[]) => Promise<Result[]>
  #waiting: Waiting<In>[] = []
  #cancelTimer: (() => void) | undefined

  constructor(policy: BatchPolicy, clock: Clock, handleMany: (values: In[]) => Promise<Result[]>) {
    this.#policy = policy
    this.#clock = clock
    this.#handleMany = handleMany
  }

  /** Resolves with this value's records, or rejects with its verdict. */
  submit(value: In): Promise<Outgoing[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ value, resolve, reject })
      if (this.#waiting.length >= this.#policy.maxRecords) this.#flush()
      else this.#cancelTimer ??= this.#clock.after(this.#policy.maxWaitMs, () => this.#flush())
    })
  }

  #flush(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const batch = this.#waiting
    this.#waiting = []
    if (batch.length > 0) void this.#handle(batch)
  }

  async #handle(batch: Waiting<In>[]): Promise<void> {
    try {
      const results = await this.#handleMany(batch.map(({ value }) => value))
      if (results.length !== batch.length) throw new Error(`handleMany returned ${results.length} results for ${batch.length} values [B1]`)
      batch.forEach(({ resolve, reject }, index) => {
        const result = results[index]!
        if (Array.isArray(result)) resolve(result)
        else reject(result)
      })
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}
