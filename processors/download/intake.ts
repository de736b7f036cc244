/** Bytes on their way into the blob store, judged while they come. */
import { Reject, type BlobStore } from '#runtime/api.ts'
import { HEAD_BYTES, sniff } from './sniff/sniff.ts'

type Writer = Awaited<ReturnType<BlobStore['create']>>

interface Terms {
  maxBytes: number
  /** SHA-256 that the bytes must have, or null. */
  expected: Buffer | null
}

export interface Taken {
  sha256: Buffer
  bytes: number
  sniffedType: string
}

/**
 * Takes one file, in order; ends with `finish` or `abort`. What cannot become an asset is refused as early as its
 * bytes show it: a large archive after its first 64 KiB, an endless body at the limit.
 */
export class Intake {
  #blobs: BlobStore
  #terms: Terms
  #writer: Writer | undefined
  #head: Uint8Array[] = []
  #headBytes = 0
  #sniffedType: string | undefined

  constructor(blobs: BlobStore, terms: Terms) {
    this.#blobs = blobs
    this.#terms = terms
  }

  /** Bytes taken so far. */
  get bytes(): number {
    return this.#writer?.bytes ?? 0
  }

  /** @throws Reject `download.too-big`; an announced length is refused before a byte of it is read */
  announce(totalBytes: number): void {
    if (totalBytes > this.#terms.maxBytes) throw tooBig(totalBytes, this.#terms.maxBytes)
  }

  /** @throws Reject `download.too-big`, `download.html`, `download.not-media`, `download.unsupported-format` */
  async write(chunk: Uint8Array): Promise<void> {
    this.announce(this.bytes + chunk.length)
    this.#writer ??= await this.#blobs.create()
    if (this.#sniffedType === undefined) await this.#look(chunk)
    await this.#writer.write(chunk)
  }

  /** Forgets everything taken, for a source that must begin again. */
  async restart(): Promise<void> {
    await this.abort()
    this.#head = []
    this.#headBytes = 0
    this.#sniffedType = undefined
  }

  /** @throws Reject `download.empty`, `download.wrong-hash` and those of `write` */
  async finish(): Promise<Taken> {
    const writer = this.#writer
    if (writer === undefined || writer.bytes === 0) throw new Reject('download.empty', 'the file has no bytes')
    const sniffedType = this.#sniffedType ?? (await typeOf(Buffer.concat(this.#head)))
    checkHash(writer.digest(), this.#terms.expected)
    return { ...(await writer.commit()), sniffedType }
  }

  async abort(): Promise<void> {
    await this.#writer?.abort()
    this.#writer = undefined
  }

  async #look(chunk: Uint8Array): Promise<void> {
    // Copied: the rest of the chunk's memory is not ours to hold.
    const part = Buffer.from(chunk.subarray(0, HEAD_BYTES - this.#headBytes))
    this.#head.push(part)
    this.#headBytes += part.length
    if (this.#headBytes < HEAD_BYTES) return
    this.#sniffedType = await typeOf(Buffer.concat(this.#head))
    this.#head = []
  }
}

/**
 * The same judgement of a blob that is there already.
 * @throws Reject `download.empty`, `download.too-big`, `download.wrong-hash` and those of a refused type
 * @throws RetryLater `blob.missing`
 */
export async function judgeStored(blobs: BlobStore, sha256: Buffer, terms: Terms): Promise<Taken> {
  checkHash(sha256, terms.expected)
  const head: Buffer[] = []
  let headBytes = 0
  for await (const chunk of blobs.stream(sha256) as AsyncIterable<Buffer>) {
    head.push(chunk)
    headBytes += chunk.length
    if (headBytes >= HEAD_BYTES) break
  }
  if (headBytes === 0) throw new Reject('download.empty', 'the blob has no bytes')
  const bytes = (await blobs.sizeOf(sha256)) ?? headBytes
  if (bytes > terms.maxBytes) throw tooBig(bytes, terms.maxBytes)
  return { sha256, bytes, sniffedType: await typeOf(Buffer.concat(head).subarray(0, HEAD_BYTES)) }
}

async function typeOf(head: Buffer): Promise<string> {
  const sniffed = await sniff(head)
  if ('refused' in sniffed) throw new Reject(sniffed.refused, `the bytes are ${sniffed.what}`)
  return sniffed.type
}

function checkHash(actual: Buffer, expected: Buffer | null): void {
  if (expected === null || expected.equals(actual)) return
  throw new Reject('download.wrong-hash', `the bytes have SHA-256 ${actual.toString('hex')}, not ${expected.toString('hex')}`)
}

function tooBig(bytes: number, maxBytes: number): Reject {
  return new Reject('download.too-big', `the file has ${bytes} bytes or more, and the limit is ${maxBytes} (SLUICE_MAX_DOWNLOAD_BYTES)`)
}
