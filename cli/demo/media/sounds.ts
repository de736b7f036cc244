/** Five pieces in five formats, and one of them once more, re-encoded. */
import { randomUUID } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ffmpeg, REPEATABLE } from './ffmpeg.ts'
import type { DemoItem, Workshop } from './item.ts'
import { type Piece, play, wav } from './synth.ts'

export type SoundFormat = 'wav' | 'mp3' | 'flac' | 'opus' | 'm4a'

/** Chromaprint says nothing about less than about three seconds; eight leave it some sixty words to compare. */
const SECONDS = 8

interface Sound {
  piece: Piece
  format: SoundFormat
  copyOf?: string
  note: string
}

const SOUNDS: readonly Sound[] = [
  { piece: 'bells', format: 'wav', note: 'bells, uncompressed' },
  { piece: 'strings', format: 'mp3', note: 'strings' },
  { piece: 'drums', format: 'flac', note: 'drums' },
  { piece: 'plucked', format: 'opus', note: 'plucked strings' },
  { piece: 'birds', format: 'm4a', note: 'birds in the wind' },
  { piece: 'bells', format: 'mp3', note: 'the bells again, as 64 kbit/s MP3', copyOf: 'sound-01-bells.wav' },
]

/** For each format the encoders that will do, best first. */
const ENCODERS: Record<SoundFormat, readonly string[]> = {
  wav: ['pcm_s16le'], flac: ['flac'], mp3: ['libmp3lame', 'libshine'], opus: ['libopus'], m4a: ['aac'],
}

export function soundJobs(workshop: Workshop, available: ReadonlySet<string>): (() => Promise<DemoItem[]>)[] {
  return SOUNDS.map((sound, index) => async () => {
    const name = `sound-${String(index + 1).padStart(2, '0')}-${sound.piece}.${sound.format}`
    const samples = play(sound.piece, workshop.seed, SECONDS)
    const bytes = await encodeSound(workshop, available, samples, sound.format)
    const relation = sound.copyOf ? { relation: 'copy' as const, of: sound.copyOf } : { relation: 'original' as const }
    return [{
      ...(await workshop.save(name, bytes)), kind: 'audio', family: null, note: sound.note,
      expect: { outcome: 'stored', ...relation }, tags: [{ name: sound.piece, confidence: 0.8 }],
    }]
  })
}

/** 64 kbit/s where the format is lossy. A format without an encoder here becomes bytes of the WAV: still a sound, only less varied. */
export async function encodeSound(
  workshop: Pick<Workshop, 'dir' | 'signal'>, available: ReadonlySet<string>, samples: Float32Array, format: SoundFormat,
): Promise<Buffer> {
  const encoder = ENCODERS[format].find((name) => available.has(name))
  if (format === 'wav' || !encoder) return wav(samples)
  const scratch = join(workshop.dir, `.making-${randomUUID()}.${format}`)
  try {
    await ffmpeg(['-f', 'wav', '-i', 'pipe:0', '-c:a', encoder, '-b:a', '64k', ...REPEATABLE, scratch], workshop.signal, [wav(samples)])
    return await readFile(scratch)
  } finally {
    await rm(scratch, { force: true })
  }
}
