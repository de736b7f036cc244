/**
 * The form of a snapshot on disk: magic, parts, end. A part is its length (uint32), its bytes, and the CRC-32 of both; the
 * end is a length that no part has and the number of parts. A file that was cut anywhere, or has a wrong byte, is known
 * as damaged by the time it was read. Numbers are little-endian; what is in the parts is the state's business.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { SnapshotParts } from '../define/processor.ts'

const MAGIC = Buffer.from('sluice1\n')
const END = 0xffff_ffff
/** Half a gigabyte; a part of a state is a few megabytes. */
const MAX_PART_BYTES = 2 ** 29
/** A header or a table of texts. */
const MAX_JSON_BYTES = 2 ** 24
/** Written, read and checked at a time: a checksum takes a millisecond, so heartbeats are not held up. */
const PIECE_BYTES = 2 ** 20

/** The file is not whole, or not a snapshot. */
export class DamagedSnapshot extends Error {
  override readonly name = 'DamagedSnapshot'
}

/** Plain data as a part; for counts, names and texts. */
export function jsonPart(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value))
}

/**
 * Writes the parts to a new file, which is complete but perhaps not yet on disk when this resolves. The parts are read
 * while this runs. Rejects with the signal's reason when that is aborted, with the file unfinished.
 */
export async function writeParts(handle: FileHandle, parts: Iterable<ArrayBufferView>, signal: AbortSignal): Promise<void> {
  let count = 0
  await writeAll(handle, [MAGIC])
  for (const part of parts) {
    await writePart(handle, bytesOf(part), signal)
    count += 1
  }
  signal.throwIfAborted()
  await writeAll(handle, [words(END, count)])
}

/** The checksum of a piece is made while the one before is written. */
async function writePart(handle: FileHandle, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  if (bytes.length > MAX_PART_BYTES) throw new RangeError(`a part of ${bytes.length} bytes`)
  const head = words(bytes.length)
  let crc = crc32(head)
  let writing = writeAll(handle, [head])
  for (const piece of piecesOf(bytes)) {
    crc = crc32(piece, crc)
    await writing
    signal.throwIfAborted()
    writing = writeAll(handle, [piece])
    writing.catch(() => {}) // awaited in the next turn
  }
  await writing
  await writeAll(handle, [words(crc)])
}

/** A write may take less than it is given. */
async function writeAll(handle: FileHandle, pieces: Uint8Array[]): Promise<void> {
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) at += (await handle.write(piece, at)).bytesWritten
  }
}

/** A snapshot's parts, as they come from a file. Each method throws DamagedSnapshot when the file is not what it should be. */
export class SnapshotReader implements SnapshotParts {
  readonly #handle: FileHandle
  #count = 0

  private constructor(handle: FileHandle) {
    this.#handle = handle
  }

  static async open(path: string): Promise<SnapshotReader> {
    const reader = new SnapshotReader(await open(path, 'r'))
    try {
      if (!(await reader.#read(MAGIC.length)).equals(MAGIC)) throw new DamagedSnapshot('the file is no snapshot')
      return reader
    } catch (error) {
      await reader.close()
      throw error
    }
  }

  async into(cells: ArrayBufferView): Promise<void> {
    const length = await this.#length()
    if (length.value !== cells.byteLength) throw new DamagedSnapshot(`a part of ${length.value} bytes where ${cells.byteLength} were expected`)
    await this.#readPart(length, bytesOf(cells))
  }

  async json(): Promise<unknown> {
    const length = await this.#length()
    if (length.value > MAX_JSON_BYTES) throw new DamagedSnapshot('a part is too long')
    const bytes = Buffer.alloc(length.value)
    await this.#readPart(length, bytes)
    return JSON.parse(bytes.toString()) as unknown
  }

  /** Everything was read, and nothing follows. */
  async end(): Promise<void> {
    const tail = await this.#read(8)
    const { bytesRead } = await this.#handle.read(Buffer.alloc(1))
    if (!tail.equals(words(END, this.#count)) || bytesRead > 0) throw new DamagedSnapshot('the file does not end where it should')
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }

  async #length(): Promise<{ value: number; bytes: Buffer }> {
    const bytes = await this.#read(4)
    return { value: bytes.readUInt32LE(), bytes }
  }

  async #readPart(length: { bytes: Buffer }, into: Uint8Array): Promise<void> {
    let crc = crc32(length.bytes)
    for (const piece of piecesOf(into)) {
      await this.#fill(piece)
      crc = crc32(piece, crc)
    }
    if ((await this.#read(4)).readUInt32LE() !== crc) throw new DamagedSnapshot('a checksum is wrong')
    this.#count += 1
  }

  async #read(length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length)
    await this.#fill(bytes)
    return bytes
  }

  async #fill(into: Uint8Array): Promise<void> {
    for (let at = 0; at < into.length;) {
      const { bytesRead } = await this.#handle.read(into, at)
      if (bytesRead === 0) throw new DamagedSnapshot('the file ends early')
      at += bytesRead
    }
  }
}

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, at) => bytes.writeUInt32LE(value, at * 4))
  return bytes
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function* piecesOf(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
}
