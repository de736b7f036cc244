/** Small synthesiser: pieces of music and noise that sound, and fingerprint, quite unlike each other. */
import { seeded, type Random } from './random.ts'

export const SAMPLE_RATE = 32_000

export const PIECES = ['bells', 'strings', 'drums', 'plucked', 'birds'] as const
export type Piece = (typeof PIECES)[number]

/** Semitones above the root. */
const PENTATONIC = [0, 2, 4, 7, 9, 12, 14, 16, 19] as const
const PLAYERS: Record<Piece, (track: Float32Array, random: Random) => void> = { bells, strings, drums, plucked, birds }

/** Mono samples between -1 and 1. */
export function play(piece: Piece, seed: string, seconds: number): Float32Array {
  const track = new Float32Array(Math.round(seconds * SAMPLE_RATE))
  PLAYERS[piece](track, seeded(`${piece} ${seed}`))
  const loudest = track.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 1e-6)
  return track.map((sample) => sample / loudest * 0.8)
}

/** RIFF WAVE, 16 bits, mono. */
export function wav(samples: Float32Array, sampleRate = SAMPLE_RATE): Buffer {
  const bytes = Buffer.alloc(44 + samples.length * 2)
  bytes.write('RIFF', 0)
  bytes.writeUInt32LE(bytes.length - 8, 4)
  bytes.write('WAVEfmt ', 8)
  bytes.writeUInt32LE(16, 16)
  bytes.writeUInt16LE(1, 20)
  bytes.writeUInt16LE(1, 22)
  bytes.writeUInt32LE(sampleRate, 24)
  bytes.writeUInt32LE(sampleRate * 2, 28)
  bytes.writeUInt16LE(2, 32)
  bytes.writeUInt16LE(16, 34)
  bytes.write('data', 36)
  bytes.writeUInt32LE(samples.length * 2, 40)
  samples.forEach((sample, i) => bytes.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), 44 + i * 2))
  return bytes
}

function pitch(root: number, semitones: number): number {
  return root * 2 ** (semitones / 12)
}

/** Adds a sound from `start` seconds on: `at` gives its value t seconds after its beginning. */
function add(track: Float32Array, start: number, seconds: number, at: (t: number) => number): void {
  const first = Math.round(start * SAMPLE_RATE)
  const last = Math.min(track.length, first + Math.round(seconds * SAMPLE_RATE))
  for (let i = Math.max(0, first); i < last; i++) track[i] = track[i]! + at((i - first) / SAMPLE_RATE)
}

function lengthOf(track: Float32Array): number {
  return track.length / SAMPLE_RATE
}

function bells(track: Float32Array, random: Random): void {
  const root = random.between(380, 520)
  // Partials of a bell are not whole multiples of its pitch.
  const partials = [[0.5, 0.5, 1.2], [1, 1, 2], [1.19, 0.6, 2.6], [2, 0.5, 3.5], [2.74, 0.3, 5]] as const
  for (let start = 0; start < lengthOf(track); start += random.pick([0.25, 0.5, 0.5, 0.75])) {
    const base = 2 * Math.PI * pitch(root, random.pick(PENTATONIC))
    add(track, start, 2, (t) => partials.reduce((sum, [ratio, gain, fade]) => sum + gain * Math.sin(base * ratio * t) * Math.exp(-t * fade), 0))
  }
}

function strings(track: Float32Array, random: Random): void {
  const root = random.between(100, 150)
  const chords = [[0, 7, 16], [-3, 4, 12], [5, 9, 12], [-5, 2, 11]]
  for (let start = 0, n = random.whole(0, 3); start < lengthOf(track); start += 1.8, n++) {
    for (const note of chords[n % chords.length]!) {
      const base = 2 * Math.PI * pitch(root, note)
      add(track, start, 2.1, (t) => {
        const swell = Math.min(1, t / 0.5) * Math.min(1, (2.1 - t) / 0.4)
        const vibrato = base * t + 2.2 * Math.sin(33 * t)
        return swell * (Math.sin(vibrato) + Math.sin(2 * vibrato) / 2 + Math.sin(3 * vibrato) / 3 + Math.sin(5 * vibrato) / 5)
      })
    }
  }
}

function drums(track: Float32Array, random: Random): void {
  const beat = 60 / random.between(96, 132)
  const noise = Float32Array.from({ length: 4096 }, () => random.next() * 2 - 1)
  const hiss = (t: number): number => noise[Math.floor(t * SAMPLE_RATE) & 4095]!
  for (let start = 0, n = 0; start < lengthOf(track); start += beat / 2, n++) {
    add(track, start, 0.06, (t) => 0.35 * hiss(t) * Math.exp(-t * 70))
    if (n % 4 === 0 || random.next() < 0.2) add(track, start, 0.35, (t) => 1.3 * Math.sin(2 * Math.PI * (48 * t + 4 * (1 - Math.exp(-t * 30)))) * Math.exp(-t * 9))
    if (n % 4 === 2) add(track, start, 0.2, (t) => (0.8 * hiss(t) + 0.5 * Math.sin(1250 * t)) * Math.exp(-t * 18))
    const bass = 2 * Math.PI * pitch(55, random.pick([0, 0, 3, 5, 7, 10]))
    add(track, start, beat / 2, (t) => 0.5 * Math.sign(Math.sin(bass * t)) * Math.exp(-t * 5))
  }
}

/** Karplus and Strong, "Digital Synthesis of Plucked-String and Drum Timbres", 1983. */
function plucked(track: Float32Array, random: Random): void {
  const root = random.between(150, 220)
  for (let start = 0, n = 0; start < lengthOf(track); start += 0.22, n++) {
    const string = Float32Array.from({ length: Math.round(SAMPLE_RATE / pitch(root, PENTATONIC[(n * 3 + (random.next() < 0.3 ? 1 : 0)) % 9]!)) }, () => random.next() * 2 - 1)
    let i = 0
    add(track, start, 1.1, () => {
      const here = i % string.length
      const value = string[here]!
      string[here] = 0.497 * (value + string[(here + 1) % string.length]!)
      i++
      return value
    })
  }
}

function birds(track: Float32Array, random: Random): void {
  let wind = 0
  add(track, 0, lengthOf(track), (t) => (wind = 0.985 * wind + 0.015 * (random.next() * 2 - 1)) * (1 + 0.7 * Math.sin(1.3 * t)) * 1.6)
  for (let start = 0.1; start < lengthOf(track); start += random.between(0.12, 0.5)) {
    const low = random.between(1500, 3200)
    const sweep = random.between(-9000, 9000)
    const trill = random.between(20, 60)
    add(track, start, 0.16, (t) => 0.5 * Math.sin(2 * Math.PI * (low * t + sweep * t * t / 2)) * Math.sin(Math.PI * t / 0.16) * (0.6 + 0.4 * Math.sin(2 * Math.PI * trill * t)))
  }
}
