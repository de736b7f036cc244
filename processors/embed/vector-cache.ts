/** Vectors by frame: the recent ones in memory, more of them on disk. Only speed depends on it. */
import { LRUCache } from 'lru-cache'
import type { Log } from '#runtime/log.ts'
import { reasonOf } from '#runtime/errors.ts'
import { VectorSegments } from './vector-segments.ts'

/** 16,384 vectors of 512 dimensions are 16 MB. */
const MAX_IN_MEMORY = 1 << 14

export class VectorCache {
  readonly #recent = new LRUCache<string, Buffer>({ max: MAX_IN_MEMORY })
  readonly #log: Log
  #segments: VectorSegments | undefined

  private constructor(log: Log, segments: VectorSegments | undefined) {
    this.#log = log
    this.#segments = segments
  }

  /** In memory only when the folder cannot be used. */
  static async open(dir: string, vectorBytes: number, log: Log): Promise<VectorCache> {
    try {
      return new VectorCache(log, await VectorSegments.open(dir, vectorBytes))
    } catch (error) {
      log.warn({ code: 'embed.cache-unusable', dir }, `vectors are kept in memory only: ${reasonOf(error)}`)
      return new VectorCache(log, undefined)
    }
  }

  async get(frame: Buffer): Promise<Buffer | undefined> {
    const key = frame.toString('latin1')
    const recent = this.#recent.get(key)
    if (recent !== undefined) return recent
    const stored = await this.#onDisk((segments) => segments.read(frame))
    if (stored !== undefined) this.#recent.set(key, stored)
    return stored
  }

  async put(frame: Buffer, vector: Buffer): Promise<void> {
    this.#recent.set(frame.toString('latin1'), vector)
    await this.#onDisk((segments) => segments.append(frame, vector))
  }

  async close(): Promise<void> {
    await this.#onDisk((segments) => segments.close())
  }

  /** After a failure the disk is left alone until the next start. */
  async #onDisk<T>(use: (segments: VectorSegments) => Promise<T>): Promise<T | undefined> {
    if (this.#segments === undefined) return undefined
    try {
      return await use(this.#segments)
    } catch (error) {
      this.#log.warn({ code: 'embed.cache-unusable' }, `vectors are kept in memory only from now on: ${reasonOf(error)}`)
      this.#segments = undefined
      return undefined
    }
  }
}
