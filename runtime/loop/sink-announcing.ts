/** Tells the world of what a sink has stored, one batch after the other, and commits the offsets that were told of. */
import type { Clock } from '../clock.ts'
import { reasonOf } from '../errors.ts'
import type { Failpoint } from '../failpoints.ts'
import type { Log } from '../log.ts'
import type { Position, Source } from './ports.ts'
import type { SinkCommit } from './sink-commit.ts'
import type { Entry } from './sink-queue.ts'
import type { StageStats } from './stage-stats.ts'

export interface SinkAnnouncingParts<Row> {
  commit: Pick<SinkCommit<Row>, 'announce'>
  source: Pick<Source, 'commit'>
  clock: Clock
  log: Log
  stats: StageStats
  at?: Failpoint | undefined
  /** Aborted when no more time is given. */
  over: AbortSignal
  failed(error: Error): void
}

export class SinkAnnouncing<Row> {
  readonly #parts: SinkAnnouncingParts<Row>
  #last: Promise<void> = Promise.resolve()

  constructor(parts: SinkAnnouncingParts<Row>) {
    this.#parts = parts
  }

  /** All that was begun has ended. */
  get settled(): Promise<void> {
    return this.#last
  }

  /** Resolves when the batch before is announced and this one is begun; `done` is called when it has ended, however. */
  async begin(stored: Entry<Row>[], done: () => void): Promise<void> {
    await this.#last
    this.#last = this.#announce(stored).finally(done)
  }

  async #announce(stored: Entry<Row>[]): Promise<void> {
    if (stored.length === 0) return
    const { commit, at, over, failed } = this.#parts
    try {
      const positions = await commit.announce(stored)
      await at?.('after-announce')
      this.#count(stored)
      if (positions.length > 0) await this.#commitOffsets(positions)
      await at?.('after-sink-offsets')
    } catch (error) {
      if (!over.aborted) failed(error as Error)
    }
  }

  #count(stored: Entry<Row>[]): void {
    const { stats, clock } = this.#parts
    const dead = stored.filter(({ failure }) => failure).length
    stats.dead += dead
    stats.written += stored.length - dead
    stats.lastCommitAtMs = clock.now()
  }

  /** A refusal costs nothing but announcements made again: the truth about rows is in the store. */
  async #commitOffsets(positions: Position[]): Promise<void> {
    const { source, log } = this.#parts
    try {
      await source.commit(positions)
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, 'offsets were not committed to the group')
    }
  }
}
