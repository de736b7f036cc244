/** How far each stage has come, looked at all the time: what recovery and throughput are read from. */
import { setTimeout as wait } from 'node:timers/promises'
import type { KafkaConnection } from '#runtime/kafka/client.ts'
import { committedPositions } from '#runtime/kafka/offsets.ts'
import type { StageName } from './workload/topology.ts'

const EVERY_MS = 250

export interface Watched { stage: StageName; group: string; topic: string; partitions: number }

interface Sample { atMs: number; offsets: Record<StageName, number[]> }

export class Samples {
  readonly #connection: KafkaConnection
  readonly #watched: Watched[]
  readonly #samples: Sample[] = []
  readonly #ending = new AbortController()
  #running: Promise<void> | undefined

  constructor(connection: KafkaConnection, watched: Watched[]) {
    this.#connection = connection
    this.#watched = watched
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#ending.abort()
    await this.#running
  }

  /** Records that the stage has committed so far. */
  total(stage: StageName): number {
    return sum(this.#samples.at(-1)?.offsets[stage] ?? [])
  }

  /**
   * Milliseconds from `fromMs` until every partition of the stage has committed something beyond where it stood when
   * first looked at after `struckMs`; partitions that never went on (nothing came for them) are left out. Undefined when
   * none did.
   */
  recoveryMs(stage: StageName, struckMs: number, fromMs = struckMs): number | undefined {
    const before = this.#samples.find(({ atMs }) => atMs >= struckMs)
    const times = (before?.offsets[stage] ?? []).flatMap((offset, partition) => {
      const moved = this.#samples.find((sample) => sample.atMs > fromMs && (sample.offsets[stage][partition] ?? -1) > offset)
      return moved ? [moved.atMs - fromMs] : []
    })
    return times.length === 0 ? undefined : Math.max(...times)
  }

  /** Records a second that the sink committed between two moments. */
  perSecond(fromMs: number, toMs: number): number | undefined {
    const first = this.#samples.find(({ atMs }) => atMs >= fromMs)
    const last = this.#samples.findLast(({ atMs }) => atMs <= toMs)
    if (!first || !last || last.atMs - first.atMs < 2 * EVERY_MS) return undefined
    return ((sum(last.offsets.keep) - sum(first.offsets.keep)) * 1_000) / (last.atMs - first.atMs)
  }

  async #run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      await this.#take().catch(() => undefined) // the broker may be away, which is then no sample
      await wait(EVERY_MS, undefined, { signal: this.#ending.signal }).catch(() => undefined)
    }
  }

  async #take(): Promise<void> {
    const entries = await Promise.all(this.#watched.map(async ({ stage, group, topic, partitions }) => {
      const ids = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
      const committed = await committedPositions(this.#connection.admin, group, ids)
      return [stage, ids.map(({ partition }) => committed.find((position) => position.partition === partition)?.offset ?? 0)]
    }))
    this.#samples.push({ atMs: Date.now(), offsets: Object.fromEntries(entries) as Record<StageName, number[]> })
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
