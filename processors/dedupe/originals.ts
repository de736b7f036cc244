/** The originals: what they are, how exact copies of them are told, and which frames stand for them. */
import { createHash } from 'node:crypto'
import type { SnapshotParts } from '#runtime/api.ts'
import { integers, words, type Column } from './column.ts'
import { bytesOf, codeOf, CODE_WORDS } from './code.ts'
import { KeyTable } from './key-table.ts'

export interface ExactLook {
  kind: string
  /** SHA-256 of the bytes. */
  content: Uint8Array
  frames: { pixels: Uint8Array; blob: Uint8Array }[]
}

export class Originals {
  readonly #contents = new KeyTable(CODE_WORDS)
  readonly #pictures = new KeyTable(CODE_WORDS)
  /** By original: the asset's number. */
  readonly #assets: Column<Int32Array> = integers()
  /** By original: where its frames start; they end where the next one's start. */
  readonly #starts: Column<Int32Array> = integers()
  readonly #blobs: Column<Uint32Array> = words(CODE_WORDS)

  get count(): number {
    return this.#assets.rows
  }

  get bytes(): number {
    return this.#tables().reduce((sum, part) => sum + part.bytes, 0)
  }

  *parts(): Iterable<ArrayBufferView> {
    for (const table of this.#tables()) yield* table.parts()
  }

  /** Into an empty table. */
  async restore(parts: SnapshotParts): Promise<void> {
    for (const table of this.#tables()) await table.restore(parts)
  }

  #tables() {
    return [this.#contents, this.#pictures, this.#assets, this.#starts, this.#blobs]
  }

  /** The original's number. */
  add(look: ExactLook, asset: number): number {
    this.#contents.add(codeOf(look.content))
    this.#pictures.add(pictureKey(look))
    this.#starts.push(this.#blobs.rows)
    for (const frame of look.frames) this.#blobs.pushRow(codeOf(frame.blob))
    return this.#assets.push(asset)
  }

  withBytes(content: Uint8Array): number | undefined {
    return this.#contents.find(codeOf(content))
  }

  /** Of the same kind, with equal pixels in every frame. */
  withPicture(look: ExactLook): number | undefined {
    return look.frames.length === 0 ? undefined : this.#pictures.find(pictureKey(look))
  }

  assetOf(original: number): number {
    return this.#assets.get(original)
  }

  /** Normal-form blobs, in order. */
  framesOf(original: number): Buffer[] {
    const from = this.#starts.get(original)
    const to = original + 1 < this.count ? this.#starts.get(original + 1) : this.#blobs.rows
    return Array.from({ length: to - from }, (_, at) => bytesOf(this.#blobs.row(from + at)))
  }
}

/** A sound has no frames: its key is made of its bytes, which keeps rows aligned and matches nothing. */
function pictureKey({ kind, content, frames }: ExactLook): Uint32Array {
  const hash = createHash('sha256').update(`${kind}\0${frames.length}\0`)
  if (frames.length === 0) hash.update(content)
  for (const frame of frames) hash.update(frame.pixels)
  return codeOf(hash.digest())
}
