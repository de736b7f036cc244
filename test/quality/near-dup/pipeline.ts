/** The road of a file to its verdict, without Kafka: normalize's decoder, fingerprint's hashes, dedupe's decision. */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { decode } from '#processors/normalize/decode.ts'
import { acoustics } from '#processors/fingerprint/acoustics.ts'
import { decodeFrame } from '#processors/fingerprint/decode.ts'
import { fingerprintOf } from '#processors/fingerprint/frame.ts'
import { dedupe } from '#processors/dedupe/processor.ts'
import { join } from 'node:path'
import type { AssetFingerprinted, DuplicateVerdict, Fingerprint, Normal } from '#schemas'

let opened: ReturnType<typeof acoustics.open>

/** @param folder for temporary files */
export async function fingerprintFile(path: string, number: number, folder: string): Promise<AssetFingerprinted> {
  const bytes = readFileSync(path)
  const { flac, loudnessLufs, frames: decoded, ...facts } = await decode({ id: 0, path, typeHint: '' }, folder)
  const original = { width: facts.width ?? 0, height: facts.height ?? 0 }
  const frames = await Promise.all(decoded.map(async ({ jpeg, ...frame }) => ({
    frame: { ...frame, blob: sha256(jpeg) },
    hashes: { ptsMicros: frame.ptsMicros, ...fingerprintOf(await decodeFrame(Buffer.from(jpeg)), original) },
  })))
  const normal: Normal = { ...facts, version: 1, frames: frames.map(({ frame }) => frame), audio: flac && sha256(flac), loudnessLufs, thumbnail: null }
  const fingerprint: Fingerprint = { version: 1, frames: frames.map(({ hashes }) => hashes), acoustic: flac && await soundPrint(flac, folder) }
  return {
    assetId: assetId(number),
    submission: { source: 'test', sourceId: null, uri: 'file:///x', sha256: null, tags: [], nsfw: null, attributes: {}, raw: null, submittedAt: 0 },
    content: { sha256: sha256(bytes), bytes: bytes.length, sniffedType: '', declaredType: null, finalUri: '', validator: null },
    normal, fingerprint,
  }
}

/** Number n as an id; ids sort by number. */
export function assetId(number: number): string {
  return `0190a000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
}

/** Asks dedupe, and lets it remember. */
export class Memory {
  readonly state = dedupe.state.open()

  submit(asset: AssetFingerprinted): DuplicateVerdict {
    const { write, remember } = dedupe.decide(asset, this.state, {} as never)
    for (const entry of remember) this.state.apply(entry)
    return verdictIn(write)
  }

  /** Asks, and forgets. */
  ask(asset: AssetFingerprinted): DuplicateVerdict {
    return verdictIn(dedupe.decide(asset, this.state, {} as never).write)
  }
}

function verdictIn(write: { value: unknown }[]): DuplicateVerdict {
  return (write[0]!.value as { verdict: DuplicateVerdict }).verdict
}

async function soundPrint(flac: Uint8Array, folder: string): Promise<Buffer | null> {
  opened ??= acoustics.open({} as never)
  const path = join(folder, `${sha256(flac).toString('hex')}.flac`)
  writeFileSync(path, flac)
  return (await opened).print(path, AbortSignal.timeout(60_000))
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
