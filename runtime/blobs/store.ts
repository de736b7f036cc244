/** Immutable bytes, addressed by their SHA-256. */
import type { Readable } from 'node:stream'

/**
 * Any method that touches the disk may throw RetryLater `blob.disk-full`, RetryLater `blob.io` or
 * Halt `blob.unusable`.
 */
export interface BlobStore {
  /** Whether the blob is there, whole. */
  has(sha256: Buffer): Promise<boolean>
  /** Stores bytes, durably once it resolves to their SHA-256; a second time is harmless and writes nothing. */
  put(bytes: Buffer | Uint8Array): Promise<Buffer>
  /** Begins a blob of unknown content; call `commit` or `abort` exactly once. */
  create(): Promise<BlobWriter>
  /**
   * The whole blob, at most `limitBytes` (default 256 MiB).
   * @throws RetryLater `blob.missing`: a shared folder may show a new file late
   * @throws Reject `blob.too-big`
   */
  read(sha256: Buffer, limitBytes?: number): Promise<Buffer>
  /** Opens a stream, for large blobs. It fails with RetryLater `blob.missing` as `read` does. */
  stream(sha256: Buffer): Readable
  /** Path of the blob's file, for decoders that need one. Never to be written to. */
  pathOf(sha256: Buffer): string
  /** Length in bytes; undefined when it is not there. */
  sizeOf(sha256: Buffer): Promise<number | undefined>
}

export interface BlobWriter {
  /** Bytes written so far. */
  readonly bytes: number
  /** Address of the bytes so far, to check them before they become visible. */
  digest(): Buffer
  /** Appends a chunk; the caller may reuse its memory once this resolves. Not to be called before the last call has resolved. */
  write(chunk: Uint8Array): Promise<void>
  /** Makes the blob visible under its address, durably; harmless when it is there already. Leaves nothing behind when it fails. */
  commit(): Promise<{ sha256: Buffer; bytes: number }>
  /** Drops what was written. Harmless after `commit`. */
  abort(): Promise<void>
}
