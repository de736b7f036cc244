/** Fields of tuples, written into memory that stays as long as they are needed. */
import { CopyWriter } from './copy-binary.ts'

/** Some hundred rows, which come and go together. */
const SLAB_BYTES = 256 << 10

export class TupleBytes {
  readonly writer = new CopyWriter(Buffer.allocUnsafeSlow(SLAB_BYTES), 0, (_, bytes) => this.#moveOn(bytes))
  #start = 0

  /** Where what is written since `begin` lies, until more is written. */
  get slab(): Buffer {
    return this.writer.chunk
  }

  /** In `slab`. */
  get start(): number {
    return this.#start
  }

  /** Bytes written since `begin`. */
  get length(): number {
    return this.writer.at - this.#start
  }

  /** Forgets what was written and not kept, such as a row that turned out to have no form. */
  begin(): void {
    this.writer.moveTo(this.writer.chunk, this.#start)
  }

  /** Nothing will be written over what was written since `begin`. */
  keep(): void {
    this.#start = this.writer.at
  }

  /** To a slab of its own, with what was written so far. Twice as large as what outgrew one: it is not to move with every field. */
  #moveOn(bytes: number): void {
    const { slab, start, length } = this
    const next = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, 2 * (length + bytes)))
    slab.copy(next, 0, start, start + length)
    this.#start = 0
    this.writer.moveTo(next, length)
  }
}
