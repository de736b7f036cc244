/** Sounds for measuring: seeded tunes, tones and noise as 16-bit WAV, and their re-encodings by ffmpeg. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'

const RATE = 22_050

/** A repeatable sequence of numbers from 0 to 1 (xorshift32). */
export function seeded(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** Notes of a scale in two voices with overtones, and a drum of noise: no two seeds share their melody. */
export function tune(seed: number, seconds: number): Float32Array {
  const random = seeded(seed)
  const samples = new Float32Array(RATE * seconds)
  const scale = [0, 2, 4, 5, 7, 9, 11, 12]
  const root = 110 * 2 ** (Math.floor(random() * 12) / 12)
  for (const octave of [1, 2, 4]) {
    for (let at = 0; at < samples.length;) {
      const length = Math.floor(RATE * [0.25, 0.5, 0.5, 1][Math.floor(random() * 4)]!)
      const pitch = root * octave * 2 ** (scale[Math.floor(random() * scale.length)]! / 12)
      for (let n = 0; n < length && at + n < samples.length; n++) {
        const [t, fade] = [n / RATE, Math.exp((-3 * n) / length)]
        for (let overtone = 1; overtone <= 4; overtone++) samples[at + n]! += (fade * Math.sin(2 * Math.PI * pitch * overtone * t)) / (overtone * 6)
      }
      at += length
    }
  }
  for (let at = 0; at < samples.length; at += RATE / 2) {
    for (let n = 0; n < RATE / 10 && at + n < samples.length; n++) samples[Math.floor(at) + n]! += (random() - 0.5) * 0.3 * Math.exp((-50 * n) / RATE)
  }
  return samples
}

export function tone(hertz: number, seconds: number): Float32Array {
  return Float32Array.from({ length: RATE * seconds }, (_, at) => 0.5 * Math.sin((2 * Math.PI * hertz * at) / RATE))
}

export function noise(seed: number, seconds: number): Float32Array {
  const random = seeded(seed)
  return Float32Array.from({ length: RATE * seconds }, () => random() - 0.5)
}

export function writeWav(path: string, samples: Float32Array): string {
  const wav = Buffer.alloc(44 + samples.length * 2)
  wav.write('RIFF', 0)
  wav.writeUInt32LE(36 + samples.length * 2, 4)
  wav.write('WAVEfmt ', 8)
  wav.writeUInt32LE(16, 16)
  wav.writeUInt16LE(1, 20)
  wav.writeUInt16LE(1, 22)
  wav.writeUInt32LE(RATE, 24)
  wav.writeUInt32LE(RATE * 2, 28)
  wav.writeUInt16LE(2, 32)
  wav.writeUInt16LE(16, 34)
  wav.write('data', 36)
  wav.writeUInt32LE(samples.length * 2, 40)
  samples.forEach((sample, at) => wav.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), 44 + at * 2))
  writeFileSync(path, wav)
  return path
}

export interface Reencoding {
  name: string
  extension: string
  /** ffmpeg arguments between input and output. */
  options: string[]
}

export const REENCODINGS: Reencoding[] = [
  { name: 'MP3 128 kbit/s', extension: 'mp3', options: ['-b:a', '128k'] },
  { name: 'MP3 48 kbit/s', extension: 'mp3', options: ['-b:a', '48k'] },
  { name: 'Opus 32 kbit/s', extension: 'opus', options: ['-b:a', '32k'] },
  { name: 'AAC 64 kbit/s', extension: 'm4a', options: ['-b:a', '64k'] },
  { name: 'quieter by 10 dB', extension: 'wav', options: ['-af', 'volume=-10dB'] },
  { name: 'without the first 5.3 s', extension: 'mp3', options: ['-ss', '5.3', '-b:a', '128k'] },
  { name: 'the first half', extension: 'mp3', options: ['-t', '15', '-b:a', '128k'] },
  { name: 'telephone band', extension: 'wav', options: ['-af', 'highpass=f=300,lowpass=f=3400'] },
  { name: 'with noise', extension: 'wav', options: ['-filter_complex', 'anoisesrc=a=0.02:d=30:seed=7[n];[0][n]amix=2:duration=first:normalize=0'] },
]

function ffmpeg(...args: string[]): void {
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args], { timeout: 60_000 })
}

export function reencode(source: string, folder: string, { name, extension, options }: Reencoding): string {
  const target = join(folder, `${name.replace(/\W+/g, '-')}.${extension}`)
  ffmpeg('-i', source, ...options, target)
  return target
}

/** As normalize makes it: 16 kHz mono FLAC. */
export function normalSound(source: string, target: string): string {
  ffmpeg('-i', source, '-vn', '-ac', '1', '-ar', '16000', target)
  return target
}
