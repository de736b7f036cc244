/** Makes renames durable, many with one journal commit. */
import { open } from 'node:fs/promises'
import { errnoOf } from './file-errors.ts'

interface Round {
  directories: Set<string>
  done: Promise<void>
}

/**
 * One round of syncs runs at a time, and whoever comes meanwhile joins the next. A lone caller waits for nothing;
 * under load one round serves many renames, which is what keeps a RAID5 from one parity update per blob.
 */
export class DirectorySync {
  #syncOne: (directory: string) => Promise<void>
  #running: Round | undefined
  #next: Round | undefined

  constructor(syncOne: (directory: string) => Promise<void> = syncDirectory) {
    this.#syncOne = syncOne
  }

  /** Resolves once entries made in the directory before this call are on disk. */
  sync(directory: string): Promise<void> {
    // A round under way may have synced the directory before our rename, so only the next one counts.
    this.#next ??= this.#begin(this.#running?.done)
    this.#next.directories.add(directory)
    return this.#next.done
  }

  /** Resolves once no sync of the directory is under way or due. */
  async settled(directory: string): Promise<void> {
    for (const round of [this.#running, this.#next]) {
      if (round?.directories.has(directory)) await round.done
    }
  }

  #begin(previous: Promise<void> = Promise.resolve()): Round {
    const round: Round = { directories: new Set(), done: Promise.resolve() }
    round.done = previous.catch(ignoreForeign).then(() => this.#run(round))
    return round
  }

  async #run(round: Round): Promise<void> {
    this.#running = round
    this.#next = undefined
    try {
      const [first, ...rest] = round.directories
      // The first commits the file system's journal; with that the others' renames are in it too and theirs cost next to nothing.
      if (first !== undefined) await this.#syncOne(first)
      await Promise.all(rest.map((directory) => this.#syncOne(directory)))
    } finally {
      this.#running = undefined
    }
  }
}

/** The failure of an earlier round belongs to those who wait for it. */
function ignoreForeign(): void {}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } catch (error) {
    // Some network file systems have no sync of a directory: their server makes a rename durable before it answers.
    if (errnoOf(error) !== 'EINVAL' && errnoOf(error) !== 'ENOTSUP') throw error
  } finally {
    await handle.close()
  }
}
