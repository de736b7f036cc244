/**
 * Local copies of a stateful stage's state: after a restart only what was written to the changelog since is read.
 *
 * A snapshot says "everything below this offset of the changelog, and nothing else". It is taken right after a
 * transaction was committed, when the state holds nothing that is not in the changelog, and decisions rest while it is
 * written. It is a cache: whatever is wrong with it or with the disk is logged, and the whole changelog is read.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DirectorySync } from '../blobs/directory-sync.ts'
import { errnoOf } from '../blobs/file-errors.ts'
import { within, type Clock } from '../clock.ts'
import type { State, StatefulProcessor } from '../define/processor.ts'
import { reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { StatePoint, StateSnapshots } from '../loop/ports.ts'
import { identityOf, requireSame, type Identity } from './identity.ts'
import { jsonPart, SnapshotReader, writeParts } from './snapshot-file.ts'

/** A large state waits for this share of its changelog, so that it is not written over and over: 2 GB for 300,000 of 6.1 million. */
const DUE_SHARE = 0.05
/** At the end of a process a part of the usual wait is enough: nothing waits for the snapshot but the end itself. */
const DUE_AT_END = 0.25

/** A disk that takes longer is given up for this time: decisions rest meanwhile. */
const WRITE_DEADLINE_MS = 30_000
/** What a process that died left half written goes when it is so old. */
const LEFTOVER_MS = 600_000
const TEMPORARY = '.tmp'

export interface SnapshotsParts {
  /** Folder of all snapshots; may be shared by processes of one machine. */
  dir: string
  groupId: string
  processor: StatefulProcessor
  /** Tells the changelog from another topic of the same name, such as one that was deleted and created again. */
  changelogId(): Promise<string>
  /** Offsets of the changelog since the last snapshot from which a new one is due. */
  everyOffsets: number
  clock: Clock
  log: Log
}

type Header = { identity: Identity } & Pick<StatePoint, 'changelogNext' | 'position'>

/** The snapshots of one stage. Nothing here rejects: without a snapshot everything goes on, only a restart takes longer. */
export class Snapshots implements StateSnapshots {
  readonly #parts: SnapshotsParts
  readonly #directories = new DirectorySync()
  /** By partition: where the last attempt stood. */
  readonly #lastNext = new Map<number, number>()
  /** By partition: a file that is written and on its way to the disk. */
  readonly #finishing = new Map<number, Promise<void>>()

  constructor(parts: SnapshotsParts) {
    this.#parts = parts
  }

  /** The newest state that can be used; undefined when there is none. */
  async load(partition: number): Promise<StatePoint | undefined> {
    const { processor, log } = this.#parts
    if (!processor.state.snapshot) return undefined
    this.#lastNext.set(partition, 0)
    try {
      const point = await this.#read(partition)
      this.#lastNext.set(partition, point.changelogNext)
      return point
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') log.warn({ partition, reason: reasonOf(error) }, 'the snapshot of the state cannot be used; reading the whole changelog')
      return undefined
    }
  }

  /**
   * To be called after each commit and awaited before the state is changed again: takes a snapshot when one is due.
   * Resolves when the state was read; the file may still be on its way to the disk.
   */
  async saveWhenDue(partition: number, point: StatePoint): Promise<void> {
    if (point.changelogNext - this.#last(partition) < Math.max(this.#parts.everyOffsets, point.changelogNext * DUE_SHARE)) return
    if (!this.#finishing.has(partition)) await this.#save(partition, point)
  }

  /** To be called at the end of the process, after the last commit. Resolves when the snapshot is on the disk. */
  async saveAtEnd(partition: number, point: StatePoint): Promise<void> {
    await this.#finishing.get(partition)
    if (point.changelogNext - this.#last(partition) >= this.#parts.everyOffsets * DUE_AT_END) await this.#save(partition, point)
    await this.#finishing.get(partition)
  }

  /** For a changelog that does not hold what the snapshot was made of. */
  async discard(partition: number): Promise<void> {
    this.#lastNext.set(partition, 0)
    await rm(this.#path(partition), { force: true }).catch((error: unknown) => this.#complain(partition, error))
  }

  #last(partition: number): number {
    return this.#lastNext.get(partition) ?? 0
  }

  async #read(partition: number): Promise<StatePoint> {
    const { processor, clock, log } = this.#parts
    const startedMs = clock.monotonicMs()
    const reader = await SnapshotReader.open(this.#path(partition))
    try {
      const { identity, changelogNext, position } = (await reader.json()) as Header
      requireSame(identity, await this.#identity(partition))
      const state = (await processor.state.snapshot!.restore(reader)) as State<unknown>
      await reader.end()
      log.info({ partition, changelogNext, ms: Math.round(clock.monotonicMs() - startedMs) }, 'read the state from its snapshot')
      return { state, changelogNext, position }
    } finally {
      await reader.close()
    }
  }

  async #save(partition: number, point: StatePoint): Promise<void> {
    const { processor, clock } = this.#parts
    if (!processor.state.snapshot) return
    this.#lastNext.set(partition, point.changelogNext)
    const giveUp = new AbortController()
    try {
      await within(clock, WRITE_DEADLINE_MS, this.#write(partition, point, giveUp.signal), () => {
        throw new Error(`writing took longer than ${WRITE_DEADLINE_MS / 1000} s`)
      })
    } catch (error) {
      this.#complain(partition, error)
    } finally {
      // What is still being written after the deadline is not of one moment: it must not become the snapshot.
      giveUp.abort()
    }
  }

  async #write(partition: number, point: StatePoint, signal: AbortSignal): Promise<void> {
    const { dir, clock, log } = this.#parts
    const startedMs = clock.monotonicMs()
    await mkdir(dir, { recursive: true, mode: 0o700 })
    await this.#removeLeftovers(partition)
    const temporary = `${this.#path(partition)}.${randomUUID()}${TEMPORARY}`
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await writeParts(handle, await this.#partsFor(partition, point), signal)
    } catch (error) {
      await handle.close()
      await rm(temporary, { force: true })
      throw error
    }
    const pausedMs = Math.round(clock.monotonicMs() - startedMs)
    const finished = this.#finish(partition, temporary, handle)
      .then(() => log.info({ partition, changelogNext: point.changelogNext, pausedMs }, 'wrote a snapshot of the state'), (error: unknown) => this.#complain(partition, error))
      .finally(() => this.#finishing.delete(partition))
    this.#finishing.set(partition, finished)
  }

  async #finish(partition: number, temporary: string, handle: Awaited<ReturnType<typeof open>>): Promise<void> {
    try {
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(temporary, this.#path(partition))
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    await this.#directories.sync(this.#parts.dir)
  }

  async #partsFor(partition: number, { state, changelogNext, position }: StatePoint): Promise<Iterable<ArrayBufferView>> {
    const header: Header = { identity: await this.#identity(partition), changelogNext, position }
    const { snapshot } = this.#parts.processor.state
    return (function* () {
      yield jsonPart(header)
      yield* snapshot!.partsOf(state)
    })()
  }

  async #identity(partition: number): Promise<Identity> {
    const { groupId, processor, changelogId } = this.#parts
    return identityOf({ groupId, processor, partition, changelogId: await changelogId() })
  }

  /** Each process writes under a name of its own; what a dead one left would fill the disk in time. */
  async #removeLeftovers(partition: number): Promise<void> {
    const { dir, clock } = this.#parts
    const prefix = `${this.#name(partition)}.`
    for (const name of await readdir(dir)) {
      if (!name.startsWith(prefix) || !name.endsWith(TEMPORARY)) continue
      const path = join(dir, name)
      const found = await stat(path).catch(() => undefined) // its writer may just have renamed it
      if (found && clock.now() - found.mtimeMs > LEFTOVER_MS) await rm(path, { force: true })
    }
  }

  #path(partition: number): string {
    return join(this.#parts.dir, this.#name(partition))
  }

  #name(partition: number): string {
    const { groupId, processor } = this.#parts
    return `${encodeURIComponent(groupId)}.${processor.reads.name}.${partition}.snapshot`
  }

  #complain(partition: number, error: unknown): void {
    this.#parts.log.warn({ partition, dir: this.#parts.dir, reason: reasonOf(error) }, 'no snapshot of the state was written; a restart will read more of the changelog')
  }
}
