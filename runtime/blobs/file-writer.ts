/** One blob on its way into the folder. */
import { createHash, randomUUID, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, rename, stat, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { DirectorySync } from './directory-sync.ts'
import { errnoOf, onDisk, unlessAbsent } from './file-errors.ts'
import type { Layout } from './layout.ts'
import type { BlobWriter } from './store.ts'

/**
 * Written to the file in pieces of this many bytes. A blob below it stays in memory until its address is known, so
 * that one which is there already costs no write at all.
 */
const SPOOL_BYTES = 256 * 1024

/** Exclusive, and never through a link; the bytes of a blob are read-only from the start. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
const READ_ONLY = 0o444

export class FileBlobWriter implements BlobWriter {
  bytes = 0
  #layout: Layout
  #syncs: DirectorySync
  #hash: Hash = createHash('sha256')
  #spool: Uint8Array[] = []
  #spooledBytes = 0
  #temporary: { path: string; file: FileHandle } | undefined

  constructor(layout: Layout, syncs: DirectorySync) {
    this.#layout = layout
    this.#syncs = syncs
  }

  digest(): Buffer {
    return this.#hash.copy().digest()
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk)
    this.bytes += chunk.length
    this.#spooledBytes += chunk.length
    const due = this.#spooledBytes >= SPOOL_BYTES
    // Copied only when it is kept: the caller may reuse its memory.
    this.#spool.push(due ? chunk : new Uint8Array(chunk))
    if (due) await onDisk(() => this.#flush())
  }

  async commit(): Promise<{ sha256: Buffer; bytes: number }> {
    const sha256 = this.digest()
    try {
      await onDisk(() => this.#publish(sha256))
    } finally {
      await this.abort()
    }
    return { sha256, bytes: this.bytes }
  }

  async abort(): Promise<void> {
    this.#spool = []
    const temporary = this.#temporary
    this.#temporary = undefined
    if (temporary === undefined) return
    await onDisk(async () => {
      await temporary.file.close()
      await unlessAbsent(unlink(temporary.path), undefined)
    })
  }

  async #publish(sha256: Buffer): Promise<void> {
    if ((await unlessAbsent(stat(this.#layout.pathOf(sha256)), undefined)) !== undefined) {
      // Visible, but another writer may still be making its name durable.
      await this.#syncs.settled(this.#layout.shardOf(sha256))
      return
    }
    const { file, path } = await this.#flush()
    // Before the rename: after a power failure a name must never lead to bytes that are not on disk.
    await file.datasync()
    await this.#rename(path, sha256)
    // After it: the record that names this blob is sent next, and must not outlive the name.
    await this.#syncs.sync(this.#layout.shardOf(sha256))
  }

  async #rename(from: string, sha256: Buffer): Promise<void> {
    await this.#layout.makeShard(sha256)
    try {
      await rename(from, this.#layout.pathOf(sha256))
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      this.#layout.forgetShards()
      await this.#layout.makeShard(sha256)
      await rename(from, this.#layout.pathOf(sha256))
    }
  }

  async #flush(): Promise<{ path: string; file: FileHandle }> {
    this.#temporary ??= await this.#createTemporary()
    const spool = this.#spool
    this.#spool = []
    this.#spooledBytes = 0
    if (spool.length > 0) await writeAll(this.#temporary.file, spool)
    return this.#temporary
  }

  async #createTemporary(): Promise<{ path: string; file: FileHandle }> {
    const path = join(this.#layout.temporary, `${process.pid}-${randomUUID()}`)
    return { path, file: await open(path, NEW_FILE, READ_ONLY) }
  }
}

/** A nearly full disk takes a part of the bytes before it refuses the rest. */
async function writeAll(file: FileHandle, chunks: Uint8Array[]): Promise<void> {
  let rest = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  while (rest.length > 0) {
    const { bytesWritten } = await file.write(rest)
    rest = rest.subarray(bytesWritten)
  }
}
