/** The blob store on a local or shared folder. */
import { constants } from 'node:fs'
import { lstat, mkdir, open, type FileHandle } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Clock } from '../clock.ts'
import { Reject, RetryLater } from '../errors.ts'
import { DirectorySync } from './directory-sync.ts'
import { errnoOf, onDisk, unlessAbsent, verdictOnFileError } from './file-errors.ts'
import { FileBlobWriter } from './file-writer.ts'
import { Layout } from './layout.ts'
import type { BlobStore, BlobWriter } from './store.ts'
import { sweepTemporary } from './sweep.ts'

/** Whole blobs in memory: several decoders read at once, so a few times this must fit. */
const DEFAULT_READ_LIMIT_BYTES = 256 * 1024 * 1024
const STREAM_CHUNK_BYTES = 256 * 1024

/**
 * Opens the store, making the folder when it is not there, and clears what crashed writers left behind.
 * @throws Halt `blob.unusable`
 */
export async function openFileStore(options: { dir: string; clock: Clock; syncs?: DirectorySync }): Promise<BlobStore> {
  const syncs = options.syncs ?? new DirectorySync()
  const layout = new Layout(options.dir, syncs)
  await onDisk(async () => {
    await mkdir(layout.temporary, { recursive: true })
    await sweepTemporary(layout.temporary, options.clock)
  })
  return new FileStore(layout, syncs)
}

class FileStore implements BlobStore {
  #layout: Layout
  #syncs: DirectorySync

  constructor(layout: Layout, syncs: DirectorySync) {
    this.#layout = layout
    this.#syncs = syncs
  }

  async has(sha256: Buffer): Promise<boolean> {
    return (await this.sizeOf(sha256)) !== undefined
  }

  async put(bytes: Buffer | Uint8Array): Promise<Buffer> {
    const sha256 = createHash('sha256').update(bytes).digest()
    if (await this.has(sha256)) {
      await onDisk(() => this.#syncs.settled(this.#layout.shardOf(sha256)))
      return sha256
    }
    const writer = await this.create()
    try {
      await writer.write(bytes)
    } catch (error) {
      await writer.abort()
      throw error
    }
    await writer.commit()
    return sha256
  }

  async create(): Promise<BlobWriter> {
    return new FileBlobWriter(this.#layout, this.#syncs)
  }

  async read(sha256: Buffer, limitBytes = DEFAULT_READ_LIMIT_BYTES): Promise<Buffer> {
    await using blob = await this.#open(sha256)
    const { size } = await onDisk(() => blob.stat())
    if (size > limitBytes) throw new Reject('blob.too-big', `the blob has ${size} bytes, more than the ${limitBytes} that its reader takes`)
    return await onDisk(() => blob.readFile())
  }

  stream(sha256: Buffer): Readable {
    return Readable.from(this.#chunks(sha256), { objectMode: false, highWaterMark: STREAM_CHUNK_BYTES })
  }

  pathOf(sha256: Buffer): string {
    return this.#layout.pathOf(sha256)
  }

  async sizeOf(sha256: Buffer): Promise<number | undefined> {
    const found = await onDisk(() => unlessAbsent(lstat(this.#layout.pathOf(sha256)), undefined))
    return found?.isFile() ? found.size : undefined
  }

  async *#chunks(sha256: Buffer): AsyncGenerator<Buffer> {
    await using blob = await this.#open(sha256)
    for (;;) {
      const { bytesRead, buffer } = await onDisk(() => blob.read(Buffer.allocUnsafe(STREAM_CHUNK_BYTES)))
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  }

  async #open(sha256: Buffer): Promise<FileHandle> {
    try {
      return await open(this.#layout.pathOf(sha256), constants.O_RDONLY | constants.O_NOFOLLOW)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw verdictOnFileError(error)
      throw new RetryLater('blob.missing', `blob ${sha256.toString('hex')} is not in the store`, { cause: error })
    }
  }
}
