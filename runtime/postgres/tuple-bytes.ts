/** Fields of tuples, written into memory that stays as long as they are needed. */
import { CopyWriter, FRAME_BYTES } from './copy-binary.ts'

/** Bytes that are gathered before they are copied to where they stay. */
const SCRATCH_BYTES = 64 << 10

/** Where they stay: some hundred rows, which come and go together. */
const SLAB_BYTES = 256 << 10

export class TupleBytes {
  readonly writer = new CopyWriter(Buffer.allocUnsafeSlow(SCRATCH_BYTES), (filled, bytes) => this.#spill(filled, bytes))
  #spilled: Buffer[] = []
  #spilledBytes = 0
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
  #used = 0

  /** Bytes written since `begin`. */
  get length(): number {
    return this.#spilledBytes + this.writer.at - FRAME_BYTES
  }

  /** Forgets what was written and not taken, such as a row that turned out to have no form. */
  begin(): void {
    this.writer.rewind()
    this.#spilled = []
    this.#spilledBytes = 0
  }

  /** What was written since `begin`, in a place of its own. */
  take(): Buffer {
    const kept = this.#room(this.length)
    let at = 0
    for (const part of this.#spilled) {
      kept.set(part, at)
      at += part.length
    }
    this.writer.filled.copy(kept, at, FRAME_BYTES)
    return kept
  }

  #room(bytes: number): Buffer {
    if (bytes > SLAB_BYTES) return Buffer.allocUnsafeSlow(bytes)
    if (this.#used + bytes > SLAB_BYTES) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#used = 0
    }
    this.#used += bytes
    return this.#slab.subarray(this.#used - bytes, this.#used)
  }

  #spill(filled: Buffer, bytes: number): Buffer {
    const part = filled.subarray(FRAME_BYTES)
    this.#spilled.push(part)
    this.#spilledBytes += part.length
    return Buffer.allocUnsafeSlow(Math.max(SCRATCH_BYTES, bytes))
  }
}
