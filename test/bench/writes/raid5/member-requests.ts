import { ROW_BYTES, type MemberCost } from './array.ts'

/** A request that may still grow: where it ends and how long it is. */
interface Open {
  end: number
  length: number
}

/** Counts one member's requests of one direction; those that are adjacent and in ascending order are merged. In bytes. */
class Run {
  readonly #limit: number
  #open: Open = { end: -1, length: 0 }
  requests = 0
  bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  add(offset: number, length: number): void {
    this.bytes += length
    let rest = this.#open.end === offset ? this.#grow(length) : length
    while (rest > 0) {
      this.#open.length = Math.min(rest, this.#limit)
      this.requests++
      rest -= this.#open.length
    }
    this.#open.end = offset + length
  }

  /** Nothing that comes later is merged with what was added before. */
  close(): void {
    this.#open.end = -1
  }

  /** What did not fit into the open request. */
  #grow(length: number): number {
    const taken = Math.min(length, this.#limit - this.#open.length)
    this.#open.length += taken
    return length - taken
  }
}

/** What one member is asked for. */
export class MemberRequests {
  /** Reads that parity needs, rows that are written, and reads that the file system asked for: each merges with its like. */
  readonly #parityReads: Run
  readonly #writes: Run
  readonly #hostReads: Run
  #metadataWrites = 0
  #flushes = 0

  constructor(maxRequestBytes: number) {
    this.#parityReads = new Run(maxRequestBytes)
    this.#writes = new Run(maxRequestBytes)
    this.#hostReads = new Run(maxRequestBytes)
  }

  readRow(row: number): void {
    this.#parityReads.add(row * ROW_BYTES, ROW_BYTES)
  }

  writeRow(row: number, merge: boolean): void {
    if (!merge) this.#writes.close()
    this.#writes.add(row * ROW_BYTES, ROW_BYTES)
  }

  readBytes(offset: number, length: number): void {
    this.#hostReads.add(offset, length)
  }

  /** Rows that come later do not merge with those before. */
  endOfWrites(): void {
    this.#parityReads.close()
    this.#writes.close()
  }

  endOfReads(): void {
    this.#hostReads.close()
  }

  flush(): void {
    this.#flushes++
  }

  /** A page of bitmap or superblock: md writes it with a flush before and FUA (`md_super_write`); a member without FUA flushes once more. */
  writeMetadata(): void {
    this.#metadataWrites++
    this.#flushes++
  }

  cost(): MemberCost {
    return {
      reads: this.#parityReads.requests + this.#hostReads.requests,
      writes: this.#writes.requests + this.#metadataWrites,
      flushes: this.#flushes,
      bytesRead: this.#parityReads.bytes + this.#hostReads.bytes,
      bytesWritten: this.#writes.bytes + this.#metadataWrites * ROW_BYTES,
    }
  }
}
