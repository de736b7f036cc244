/** Pictures to normal form, by libvips. Runs in a decoder process only: the bytes may be hostile. */
import sharp, { type Metadata, type Sharp, type SharpOptions } from 'sharp'
import { Refused, type Decoded, type DecodedFrame } from './decoded.ts'
import { contrastOf, fit, pickThumbnail, spread, type Size } from './fit.ts'
import { ANIMATION_PIXEL_BUDGET, JPEG_QUALITY, MAX_ANIMATION_FRAMES, MAX_PIXELS } from './limits.ts'
import type { Format } from './sniff.ts'

type PictureName = Extract<Format, { family: 'picture' }>['name']

const LOADERS = ['JpegFile', 'PngFile', 'WebpFile', 'NsgifFile', 'HeifFile', 'TiffFile']

/**
 * Every loader but six is blocked: SVG, PDF, ImageMagick and their like never run. One thread and no cache, since
 * the processes are the parallelism and no file is seen twice.
 */
export function confineLibvips(): void {
  sharp.cache(false)
  sharp.concurrency(1)
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: LOADERS.map((name) => `VipsForeignLoad${name}`) })
}

/**
 * 'error' takes JPEGs with stray bytes between their markers, which every viewer shows, and refuses those cut short
 * ('none' would fill them with grey).
 */
const OPTIONS = { failOn: 'error', limitInputPixels: MAX_PIXELS, sequentialRead: true } as const satisfies SharpOptions

/** A still is an image; an animated GIF or WebP is a video, whose frames have times. */
export async function decodePicture(path: string, name: PictureName): Promise<Decoded> {
  try {
    const metadata = await sharp(path, { ...OPTIONS, limitInputPixels: false }).metadata()
    checkPixels(metadata.autoOrient)
    return (metadata.pages ?? 1) > 1 && (name === 'gif' || name === 'webp')
      ? await decodeAnimation(path, metadata)
      : await decodeStill(path, metadata)
  } catch (error) {
    throw refusal(error, name)
  }
}

export function checkPixels({ width, height }: Size): void {
  if (width * height > MAX_PIXELS) throw new Refused('normalize.too-many-pixels', `${width} × ${height} is over ${MAX_PIXELS} pixels`)
}

async function decodeStill(path: string, metadata: Metadata): Promise<Decoded> {
  const size = fit(metadata.autoOrient)
  const jpeg = await encode(upright(sharp(path, OPTIONS), size))
  return { ...describe(metadata), kind: 'image', durationMicros: null, frames: [{ ptsMicros: 0, ...size, jpeg }], frameCount: 1, thumbnail: 0 }
}

async function decodeAnimation(path: string, metadata: Metadata): Promise<Decoded> {
  const pages = metadata.pages!
  const times = startTimes(metadata.delay ?? [], pages)
  const size = fit(metadata.autoOrient)
  const frames: DecodedFrame[] = []
  const contrasts: number[] = []
  for (const page of spread(pages, affordableFrames(metadata.autoOrient, pages))) {
    const { data, info } = await upright(sharp(path, { ...OPTIONS, page, pages: 1 }), size).raw().toBuffer({ resolveWithObject: true })
    contrasts.push(contrastOf(data))
    frames.push({ ptsMicros: times[page]!, ...size, jpeg: await encodeRaw(data, { width: info.width, height: info.height }) })
  }
  return { ...describe(metadata), kind: 'video', durationMicros: times[pages]!, frames, frameCount: pages, thumbnail: pickThumbnail(contrasts) }
}

/** Frame n costs the decoding of all before it, so k spread frames cost k/2 times the whole animation. */
function affordableFrames({ width, height }: Size, pages: number): number {
  const affordable = Math.floor((2 * ANIMATION_PIXEL_BUDGET) / (width * height * pages))
  return Math.max(1, Math.min(MAX_ANIMATION_FRAMES, affordable))
}

/**
 * Start of each frame and, last, the end; microseconds. Delays up to 10 ms are shown as 100 ms, as all browsers do:
 * they come from encoders that left the field empty.
 */
export function startTimes(delaysMs: number[], pages: number): number[] {
  const times = [0]
  for (let page = 0; page < pages; page++) {
    const delayMs = delaysMs[page] ?? 0
    times.push(times[page]! + (delayMs <= 10 ? 100 : delayMs) * 1000)
  }
  return times
}

function describe(metadata: Metadata): Pick<Decoded, 'width' | 'height' | 'orientation' | 'codec' | 'flac' | 'loudnessLufs'> {
  const { width, height } = metadata.autoOrient
  const codec = metadata.format === 'heif' ? metadata.compression ?? 'heif' : metadata.format
  return { width, height, orientation: metadata.orientation ?? 1, codec, flac: null, loudnessLufs: null }
}

/** Upright, embedded profile applied, on white, scaled, 8-bit sRGB: in this order. */
function upright(input: Sharp, size: Size): Sharp {
  return input.autoOrient().flatten({ background: '#ffffff' })
    .resize({ ...size, fit: 'fill', kernel: 'cubic' }).toColourspace('srgb')
}

/** The normal form's JPEG, without any metadata. */
function encode(pixels: Sharp): Promise<Buffer> {
  return pixels.jpeg({ quality: JPEG_QUALITY, chromaSubsampling: '4:4:4' }).toBuffer()
}

/** The normal form's JPEG of 8-bit sRGB pixels. */
export function encodeRaw(rgb: Uint8Array, size: Size): Promise<Buffer> {
  return encode(sharp(rgb, { raw: { ...size, channels: 3 } }))
}

/** libvips tells what went wrong by text only. */
function refusal(error: unknown, name: PictureName): unknown {
  if (error instanceof Refused || !(error instanceof Error)) return error
  const reason = error.message.trim().split('\n')[0]!.replace(/^\/\S+: /, '').slice(0, 300)
  const because = { cause: error }
  if (/pixel limit/.test(reason)) return new Refused('normalize.too-many-pixels', reason, because)
  if (/premature end|unexpected end|truncated/i.test(error.message)) return new Refused('normalize.truncated', reason, because)
  // HEIC needs an HEVC decoder, which this build of libvips leaves out for its patents.
  if (name === 'heif' && /unsupported image format|no decod|not supported|bad seek/i.test(error.message)) return new Refused('normalize.unsupported-format', reason, because)
  return new Refused('normalize.corrupt', `${name}: ${reason}`, because)
}
