/** Where things lie in the store's folder: `aa/bb/<sha256 hex>` and `tmp/`. No name from outside is ever part of a path. */
import { lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Halt } from '../errors.ts'
import type { DirectorySync } from './directory-sync.ts'
import { errnoOf } from './file-errors.ts'

export class Layout {
  readonly root: string
  readonly temporary: string
  /** Shards known to be there and durable; at most 65,536. */
  #ready = new Set<string>()
  #syncs: DirectorySync

  constructor(root: string, syncs: DirectorySync) {
    this.root = root
    this.temporary = join(root, 'tmp')
    this.#syncs = syncs
  }

  /** @throws RangeError when it is no SHA-256; the schemas make that a mistake of ours */
  pathOf(sha256: Buffer): string {
    return join(this.shardOf(sha256), sha256.toString('hex'))
  }

  shardOf(sha256: Buffer): string {
    if (sha256.length !== 32) throw new RangeError(`a SHA-256 has 32 bytes, not ${sha256.length}`)
    return join(this.root, sha256.toString('hex', 0, 1), sha256.toString('hex', 1, 2))
  }

  async makeShard(sha256: Buffer): Promise<void> {
    const shard = this.shardOf(sha256)
    if (this.#ready.has(shard)) return
    await this.#makeDirectory(join(shard, '..'))
    await this.#makeDirectory(shard)
    this.#ready.add(shard)
  }

  /** Called when a shard turns out to have been removed by hand. */
  forgetShards(): void {
    this.#ready.clear()
  }

  async #makeDirectory(path: string): Promise<void> {
    try {
      await mkdir(path)
      await this.#syncs.sync(join(path, '..'))
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
      // A planted link would lead out of the store.
      if (!(await lstat(path)).isDirectory()) {
        throw new Halt('blob.unusable', `${path} in the blob store is not a folder`, 'Find out who put it there, and remove it.')
      }
    }
  }
}
