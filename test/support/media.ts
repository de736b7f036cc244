/** Small media for tests, made in memory by the demo's own painters: no fixture files, and the same every time. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { FAMILIES, type Family, paintPicture } from '../../cli/demo/media/families/index.ts'
import { ffmpegEncoders } from '../../cli/demo/media/ffmpeg.ts'
import { FILM, filmFrames, scenesOf } from '../../cli/demo/media/films.ts'
import { bomb } from '../../cli/demo/media/broken.ts'
import { withDescription } from '../../cli/demo/media/jpeg-segments.ts'
import { encode } from '../../cli/demo/media/pictures.ts'
import { encodeSound, type SoundFormat } from '../../cli/demo/media/sounds.ts'
import { type Piece, PIECES, play, SAMPLE_RATE } from '../../cli/demo/media/synth.ts'
import { chooseVideoEncoders, encodeFilm } from '../../cli/demo/media/videos.ts'

export { bomb, withDescription }

interface PictureOptions {
  width?: number
  height?: number
  /** Pictures of different seeds are clearly different pictures. */
  seed?: number
  /** One of six looks; by the seed when absent. */
  family?: Family
}

const DEADLINE_MS = 30_000

/** Raw RGB pixels, three bytes each, of a photo-like picture (320 x 240 by default). */
export function pixels({ width = 320, height = 240, seed = 1, family = FAMILIES[seed % FAMILIES.length]! }: PictureOptions = {}): { width: number; height: number; rgb: Buffer } {
  return { width, height, rgb: Buffer.from(paintPicture(family, `test ${seed}`, { width, height }).pixels.buffer) }
}

/** A photo-like JPEG of 640 x 480, about 60 ms to make. */
export function photo(seed = 1): Promise<Buffer> {
  return jpeg({ width: 640, height: 480, seed })
}

/** `orientation` is only written into EXIF: the pixels stay as they are. */
export async function jpeg(options: PictureOptions & { quality?: number; orientation?: number } = {}): Promise<Buffer> {
  const { orientation, quality = 90 } = options
  const image = rawImage(options).jpeg({ quality })
  return (orientation === undefined ? image : image.withMetadata({ orientation })).toBuffer()
}

export function png(options: PictureOptions = {}): Promise<Buffer> {
  return encoded('png', options)
}

export function webp(options: PictureOptions = {}): Promise<Buffer> {
  return encoded('webp', options)
}

export function gif(options: PictureOptions = {}): Promise<Buffer> {
  return encoded('gif', options)
}

/** An H.264 (or MPEG-4) film of 480 x 270 with a key frame every second and a cut about every 1.4 s. */
export function video({ seconds = 2, seed = 1, fps = 25 }: { seconds?: number; seed?: number; fps?: number } = {}): Promise<Buffer> {
  return inScratch(async (workshop) => {
    const { mp4 } = chooseVideoEncoders(await ffmpegEncoders(workshop.signal))
    const scenes = scenesOf(FAMILIES[seed % FAMILIES.length]!, `test ${seed}`, seconds * fps / FILM.framesPerSecond)
    const paint = (...picture: Parameters<typeof paintPicture>) => Promise.resolve(paintPicture(...picture))
    const retimed = fps === FILM.framesPerSecond ? [] : ['-vf', `setpts=N/${fps}/TB`, '-r', String(fps)]
    return encodeFilm(workshop, 'video.mp4', mp4, filmFrames(paint, scenes), retimed)
  })
}

/** A piece of music; Chromaprint needs three seconds or more. */
export function sound({ seconds = 6, seed = 0, format = 'wav', piece = PIECES[seed % PIECES.length]! }: { seconds?: number; seed?: number; format?: SoundFormat; piece?: Piece } = {}): Promise<Buffer> {
  return inScratch(async (workshop) => {
    const available = format === 'wav' ? new Set<string>() : await ffmpegEncoders(workshop.signal)
    return encodeSound(workshop, available, play(piece, `test ${seed}`, seconds), format)
  })
}

/** Samples a second of what `sound` makes. */
export const SOUND_SAMPLE_RATE = SAMPLE_RATE

function encoded(format: 'png' | 'webp' | 'gif', options: PictureOptions): Promise<Buffer> {
  const { width, height, rgb } = pixels(options)
  return encode({ width, height, pixels: new Uint8ClampedArray(rgb) }, { format })
}

function rawImage(options: PictureOptions): Sharp {
  const { width, height, rgb } = pixels(options)
  return sharp(rgb, { raw: { width, height, channels: 3 } })
}

async function inScratch<T>(make: (workshop: { dir: string; signal: AbortSignal }) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-media-'))
  try {
    return await make({ dir, signal: AbortSignal.timeout(DEADLINE_MS) })
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
