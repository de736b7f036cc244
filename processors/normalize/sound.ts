/** Sounds to normal form: 16 kHz mono FLAC, playing time and integrated loudness, in one run of ffmpeg. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Refused, type Decoded } from './decoded.ts'
import { FfmpegFailed, runFfmpeg, type Input } from './ffmpeg.ts'
import { saysTruncated } from './keyframes.ts'
import { MAX_DURATION_MICROS, MAX_SOUND_SECONDS } from './limits.ts'
import { plausibleMicros, type Container, type SoundStream } from './probe.ts'

const SAMPLE_RATE_HZ = 16_000

/** @throws Refused `normalize.truncated`, `corrupt`, `empty-sound`, `too-long` */
export async function decodeSound(input: Input, container: Container, sound: SoundStream, scratchDir: string): Promise<Decoded> {
  const claimed = container.durationSeconds
  if (claimed !== undefined && claimed * 1e6 > MAX_DURATION_MICROS) throw new Refused('normalize.too-long', `${Math.round(claimed / 3600)} hours`)
  const { flac, stderr } = await convert(input, sound, join(scratchDir, 'sound.flac'))
  if (saysTruncated(stderr.join('\n'))) throw new Refused('normalize.truncated', 'the container ends before its content')
  const decodedMicros = Math.round((flacSamples(flac) * 1_000_000) / SAMPLE_RATE_HZ)
  if (decodedMicros === 0) throw new Refused('normalize.empty-sound', 'no sample can be decoded')
  return {
    kind: 'audio', width: null, height: null, orientation: 1, codec: sound.codec, frames: [], frameCount: null, thumbnail: null,
    durationMicros: durationOf(input, claimed, decodedMicros),
    flac, loudnessLufs: parseLoudness(stderr),
  }
}

/** Streams without a header: their length is estimated from the bit rate, so what was decoded is nearer the truth. */
const WITHOUT_HEADER = new Set(['mp3', 'aac', 'ac3', 'amr'])

function durationOf({ demuxer }: Input, claimedSeconds: number | undefined, decodedMicros: number): number {
  const cut = decodedMicros >= MAX_SOUND_SECONDS * 1_000_000
  if (cut) return Math.max(decodedMicros, Math.round((claimedSeconds ?? 0) * 1e6))
  return (WITHOUT_HEADER.has(demuxer) ? null : plausibleMicros(claimedSeconds, decodedMicros)) ?? decodedMicros
}

/** The bytes depend on the samples only: no date, no tags, no version of the encoder. */
async function convert(input: Input, sound: SoundStream, path: string): Promise<{ flac: Buffer; stderr: string[] }> {
  try {
    const { stderr } = await runFfmpeg(input, [
      '-map', `0:${sound.index}`, '-vn', '-t', String(MAX_SOUND_SECONDS),
      // Loudness is measured on all channels as they are, before they become one.
      '-af', `ebur128=framelog=verbose,aresample=${SAMPLE_RATE_HZ},aformat=sample_fmts=s16:channel_layouts=mono`,
      '-c:a', 'flac', '-fflags', '+bitexact', '-flags:a', '+bitexact', '-f', 'flac',
    ], { path })
    return { flac: await readFile(path), stderr }
  } catch (error) {
    if (!(error instanceof FfmpegFailed)) throw error
    const text = error.stderr.join('\n')
    throw new Refused(saysTruncated(text) ? 'normalize.truncated' : 'normalize.corrupt', lastLine(error.stderr) ?? error.message, { cause: error })
  } finally {
    await rm(path, { force: true })
  }
}

const lastLine = (lines: string[]): string | undefined => lines.findLast((line) => line.trim() !== '')

/** Total samples by the stream information that every FLAC file begins with (RFC 9639, 8.2): 36 bits at bit 172. */
export function flacSamples(flac: Uint8Array): number {
  if (flac.length < 42) return 0
  const view = Buffer.from(flac.buffer, flac.byteOffset, flac.length)
  return (view[21]! & 0x0f) * 2 ** 32 + view.readUInt32BE(22)
}

/** Integrated loudness (gated, EBU R 128) from ffmpeg's summary; null when the sound is shorter than one 400-ms block or silent. */
export function parseLoudness(stderr: string[]): number | null {
  const summary = stderr.findLastIndex((line) => line.includes('Integrated loudness:'))
  const match = summary < 0 ? null : /I: +(-?\d+(?:\.\d+)?) LUFS/.exec(stderr[summary + 1] ?? '')
  const lufs = match ? Number(match[1]) : NaN
  return Number.isFinite(lufs) && lufs > SILENCE_LUFS ? lufs : null
}

/** The absolute gate: below it nothing is measured, and ffmpeg prints this for "nothing". */
const SILENCE_LUFS = -70
