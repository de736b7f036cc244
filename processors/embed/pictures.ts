/** From an encoded picture to the numbers that a model takes. */
import sharp from 'sharp'
import type { Preprocessing } from '#models/card.ts'

/** Above any normal form; a frame that claims more is no frame of ours. */
const MAX_PIXELS = 64e6

/**
 * The centred square covers the middle of the longer side only; what lies beyond this many squares is cut off before
 * resizing, or a picture of 4,096 x 1 would be resized to nearly a million pixels' width.
 */
const MAX_ASPECT = 4

/**
 * Planes red, green, blue, each `crop` x `crop`, row by row: (byte * scale - mean) / std. Resized to `shortSide` and cut
 * as openai/CLIP does (torchvision Resize and CenterCrop).
 *
 * @throws Error when the picture cannot be decoded
 */
export async function pixelsOf(picture: Buffer, preprocessing: Preprocessing): Promise<Float32Array> {
  const { crop, kernel } = preprocessing
  const { width, height } = await sharp(picture, { limitInputPixels: MAX_PIXELS }).metadata()
  const cut = resizePlan(width, height, preprocessing)
  const { data, info } = await sharp(picture, { limitInputPixels: MAX_PIXELS })
    .extract(cut.source)
    .resize({ ...cut.resized, fit: 'fill', kernel })
    .extract(cut.square)
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
  if (info.channels !== 3 || data.length !== crop * crop * 3) throw new Error(`decoded to ${info.width} x ${info.height} x ${info.channels}`)
  return planesOf(data, preprocessing)
}

interface Size { width: number; height: number }
interface Region extends Size { left: number; top: number }

/** What part of the source is resized to what, and which square of the result is taken. */
export function resizePlan(width: number, height: number, { shortSide, crop, fit }: Pick<Preprocessing, 'shortSide' | 'crop' | 'fit'>): { source: Region; resized: Size; square: Region } {
  if (fit === 'squash') return squashPlan({ width, height }, crop)
  const longest = Math.min(width, height) * MAX_ASPECT
  const source = centredRegion({ width, height }, { width: Math.min(width, longest), height: Math.min(height, longest) })
  const factor = shortSide / Math.min(width, height)
  const resized = {
    width: source.width <= source.height ? shortSide : Math.floor(source.width * factor),
    height: source.height <= source.width ? shortSide : Math.floor(source.height * factor),
  }
  return { source, resized, square: centredRegion(resized, { width: crop, height: crop }) }
}

function squashPlan(source: Size, side: number) {
  const square = { left: 0, top: 0, width: side, height: side }
  return { source: { left: 0, top: 0, ...source }, resized: { width: side, height: side }, square }
}

function centredRegion(outer: Size, inner: Size): Region {
  return {
    ...inner,
    left: roundHalfToEven((outer.width - inner.width) / 2),
    top: roundHalfToEven((outer.height - inner.height) / 2),
  }
}

/** As Python's round, which places torchvision's crop. */
function roundHalfToEven(number: number): number {
  const below = Math.floor(number)
  if (number - below !== 0.5) return Math.round(number)
  return below % 2 === 0 ? below : below + 1
}

function planesOf(rgb: Buffer, { scale, mean, std }: Preprocessing): Float32Array {
  const area = rgb.length / 3
  const planes = new Float32Array(rgb.length)
  for (let channel = 0; channel < 3; channel++) {
    const gain = scale / std[channel]!
    const offset = -mean[channel]! / std[channel]!
    for (let i = 0; i < area; i++) planes[channel * area + i] = rgb[i * 3 + channel]! * gain + offset
  }
  return planes
}
