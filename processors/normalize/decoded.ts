/** What a decoder process finds in a file, and how it says so. Crosses a process boundary: plain data only. */
import type { Code } from './codes.ts'

export interface DecodedFrame {
  /** Presentation time, microseconds. */
  ptsMicros: number
  width: number
  height: number
  /** The normal form. */
  jpeg: Uint8Array
}

export interface Decoded {
  kind: 'image' | 'video' | 'audio'
  /** Of the original once upright; null for sound. */
  width: number | null
  height: number | null
  durationMicros: number | null
  /** EXIF orientation, 1 to 8. */
  orientation: number
  codec: string
  /** In order of time. */
  frames: DecodedFrame[]
  frameCount: number | null
  /** Index into `frames` of the one to show to people; null for sound. */
  thumbnail: number | null
  /** 16 kHz mono FLAC. */
  flac: Uint8Array | null
  loudnessLufs: number | null
}

export interface Job {
  id: number
  /** Absolute path of the file. */
  path: string
  /** MIME type by whoever looked at the bytes before; used where our own table knows no better. */
  typeHint: string
}

export type Reply =
  | { id: number; decoded: Decoded }
  | { id: number; refused: { code: Code; reason: string } }
  | { id: number; failed: string }

/** Sent once, when a decoder process has loaded all it needs. */
export interface Ready { ready: true }

/** The file cannot be brought to normal form. Turned into a verdict outside of the decoder process. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly code: Code

  constructor(code: Code, reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.code = code
  }
}
