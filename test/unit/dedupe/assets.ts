/** Small assets with hashes of the test's choosing. */
import { createHash } from 'node:crypto'
import { dedupe } from '#processors/dedupe/processor.ts'
import type { AssetFingerprinted, DedupeDecided, DuplicateVerdict, FrameFingerprint } from '#schemas'

export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Id number n; ids sort by number. */
export const id = (number: number): string => `0190a000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`

/** A 256-bit hash of its own for every name, half of its bits set as in a real one. */
export const hash = (name: string): Buffer => sha256(`hash of ${name}`)

/** The same hash with the first `bits` bits turned over, starting at `from`. */
export function turned(code: Buffer, bits: number, from = 0): Buffer {
  const copy = Buffer.from(code)
  for (let bit = from; bit < from + bits; bit++) copy[bit >> 3]! ^= 0x80 >> (bit & 7)
  return copy
}

export interface Picture {
  pixels?: Buffer
  blockhash?: Buffer
  pdq?: Buffer
  quality?: number
  ptsMicros?: number
}

/** A frame that looks like `name`, unless told otherwise. */
export function frame(name: string, { ptsMicros = 0, pixels, blockhash, pdq, quality = 100 }: Picture = {}): FrameFingerprint & { name: string } {
  return { name, ptsMicros, pixels: pixels ?? sha256(`pixels of ${name}`), blockhash: blockhash ?? hash(`${name} blockhash`), pdq: pdq ?? hash(`${name} pdq`), quality }
}

export interface Shape {
  bytes?: string
  kind?: string
  durationMicros?: number | null
  acoustic?: Buffer | null
}

export function asset(number: number, frames: ReturnType<typeof frame>[], { bytes = `bytes ${number}`, kind = 'image', durationMicros = null, acoustic = null }: Shape = {}): AssetFingerprinted {
  return {
    assetId: id(number),
    submission: { source: 'test', sourceId: null, uri: 'file:///x', sha256: null, tags: [], nsfw: null, attributes: {}, raw: null, submittedAt: 0 },
    content: { sha256: sha256(bytes), bytes: 1, sniffedType: '', declaredType: null, finalUri: '', validator: null },
    normal: {
      version: 1, kind, width: 1, height: 1, durationMicros, orientation: 1, codec: '', frameCount: null, audio: null, loudnessLufs: null, thumbnail: null,
      frames: frames.map(({ ptsMicros, name }) => ({ ptsMicros, blob: sha256(`blob ${number} ${name}`), width: 1, height: 1 })),
    },
    fingerprint: { version: 1, frames, acoustic },
  }
}

/** dedupe with its memory and changelog. */
export class Stage {
  state = dedupe.state.open()
  readonly changelog: DedupeDecided[] = []

  submit(asked: AssetFingerprinted): DuplicateVerdict {
    const { write, remember } = dedupe.decide(asked, this.state, {} as never)
    for (const entry of remember) this.state.apply(entry)
    this.changelog.push(...remember)
    return (write[0]!.value as { verdict: DuplicateVerdict }).verdict
  }

  /** Loses the memory, and rebuilds it from the changelog. */
  restart(): void {
    this.state = dedupe.state.open()
    for (const entry of this.changelog) this.state.apply(entry)
  }
}
