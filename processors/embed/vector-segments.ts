/**
 * Vectors on disk, by frame: append-only pairs of files, one pair for each process that wrote.
 *
 *   <name>.keys      36 bytes a vector: SHA-256 of the frame, CRC-32 of the vector
 *   <name>.vectors   the vectors, one after another
 *
 * Large files and few, long writes suit a RAID5. Each process appends to a pair of its own, so none waits for another;
 * what others write is seen at the next start. Nothing is synced: what a crash cuts off or damages fails its checksum and
 * is computed again. Nothing depends on a vector being found.
 */
import { randomUUID } from 'node:crypto'
import { appendFile, mkdir, open, readFile, readdir, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

const KEY_BYTES = 32
const ENTRY_BYTES = KEY_BYTES + 4

/** 0.27 GB of disk at 512 dimensions, about 35 MB of memory for the places. Whole old segments go first. */
const MAX_VECTORS = 1 << 18
const MAX_SEGMENTS = 64
/** 64 vectors of 512 dimensions make one write of 64 KiB, one chunk of a common RAID5. */
const WRITE_VECTORS = 64

interface Segment {
  name: string
  count: number
  /** Open from the first read on. */
  vectors?: Promise<FileHandle>
}

interface Place { segment: Segment; row: number; checksum: number }
interface Pending { frame: Buffer; vector: Buffer }

export class VectorSegments {
  readonly #dir: string
  readonly #vectorBytes: number
  /** Frame (binary string) to place; a string of 32 one-byte characters is the most compact key of a Map. */
  readonly #places = new Map<string, Place>()
  readonly #own: Segment = { name: randomUUID(), count: 0 }
  readonly #segments: Segment[] = []
  #pending: Pending[] = []
  #writing: Promise<void> = Promise.resolve()

  private constructor(dir: string, vectorBytes: number) {
    this.#dir = dir
    this.#vectorBytes = vectorBytes
  }

  /** Reads the keys of what is there; removes the oldest segments beyond the bounds. */
  static async open(dir: string, vectorBytes: number): Promise<VectorSegments> {
    const segments = new VectorSegments(dir, vectorBytes)
    await mkdir(dir, { recursive: true })
    for (const { name, rows } of await segments.#newestFirst()) {
      const hasRoom = segments.#segments.length < MAX_SEGMENTS && segments.#places.size + rows <= MAX_VECTORS / 2
      if (hasRoom) await segments.#load(name)
      else await segments.#remove(name)
    }
    return segments
  }

  /** The vector, checked; undefined when it is not there or damaged. */
  async read(frame: Buffer): Promise<Buffer | undefined> {
    const place = this.#places.get(frame.toString('latin1'))
    if (place === undefined) return undefined
    place.segment.vectors ??= open(this.#path(place.segment, 'vectors'), 'r')
    const file = await place.segment.vectors
    const vector = Buffer.alloc(this.#vectorBytes)
    const { bytesRead } = await file.read(vector, 0, vector.length, place.row * vector.length)
    return bytesRead === vector.length && crc32(vector) === place.checksum ? vector : undefined
  }

  /** Written with others, or at the latest by `close`. Resolves when this call's write is done, if it caused one. */
  async append(frame: Buffer, vector: Buffer): Promise<void> {
    if (this.#places.size + this.#pending.length >= MAX_VECTORS || this.#places.has(frame.toString('latin1'))) return
    this.#pending.push({ frame, vector })
    if (this.#pending.length >= WRITE_VECTORS) await this.flush()
  }

  /** One write at a time; rows are numbered in the order of writes. */
  flush(): Promise<void> {
    const batch = this.#pending
    this.#pending = []
    this.#writing = this.#writing.catch(() => {}).then(() => this.#write(batch))
    return this.#writing
  }

  async close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      for (const { vectors } of [...this.#segments, this.#own]) await vectors?.then((file) => file.close(), () => {})
    }
  }

  /** Vectors first: a key never stands before its vector, and a cut-off tail shifts nothing since rows count from the start. */
  async #write(batch: Pending[]): Promise<void> {
    if (batch.length === 0) return
    await appendFile(this.#path(this.#own, 'vectors'), Buffer.concat(batch.map(({ vector }) => vector)))
    await appendFile(this.#path(this.#own, 'keys'), Buffer.concat(batch.map(entryOf)))
    for (const { frame, vector } of batch) {
      this.#places.set(frame.toString('latin1'), { segment: this.#own, row: this.#own.count++, checksum: crc32(vector) })
    }
  }

  async #load(name: string): Promise<void> {
    const segment: Segment = { name, count: 0 }
    const keys = await readFile(this.#path(segment, 'keys'))
    segment.count = Math.floor(keys.length / ENTRY_BYTES)
    for (let row = 0; row < segment.count; row++) {
      const at = row * ENTRY_BYTES
      const key = keys.toString('latin1', at, at + KEY_BYTES)
      this.#places.set(key, { segment, row, checksum: keys.readUInt32LE(at + KEY_BYTES) })
    }
    this.#segments.push(segment)
  }

  async #newestFirst(): Promise<{ name: string; rows: number; modifiedMs: number }[]> {
    const names = (await readdir(this.#dir)).filter((name) => name.endsWith('.keys')).map((name) => name.slice(0, -'.keys'.length))
    const found = await Promise.all(names.map(async (name) => {
      const { size, mtimeMs } = await stat(join(this.#dir, `${name}.keys`))
      return { name, rows: Math.floor(size / ENTRY_BYTES), modifiedMs: mtimeMs }
    }))
    return found.sort((a, b) => b.modifiedMs - a.modifiedMs)
  }

  async #remove(name: string): Promise<void> {
    await rm(join(this.#dir, `${name}.keys`), { force: true })
    await rm(join(this.#dir, `${name}.vectors`), { force: true })
  }

  #path(segment: Segment, kind: 'keys' | 'vectors'): string {
    return join(this.#dir, `${segment.name}.${kind}`)
  }
}

function entryOf({ frame, vector }: Pending): Buffer {
  const entry = Buffer.alloc(ENTRY_BYTES)
  frame.copy(entry, 0, 0, KEY_BYTES)
  entry.writeUInt32LE(crc32(vector), KEY_BYTES)
  return entry
}
