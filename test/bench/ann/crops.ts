/** Random cuts of a photo, as augmentations make them: of any size and place, some mirrored. */
import sharp from 'sharp'
import type { Draw } from '../writes/assets/draw.ts'

export interface Photo {
  width: number
  height: number
  /** Red, green and blue, row by row. */
  pixels: Buffer
}

/** Decoded once for many cuts. Profiles are ignored, transparency becomes white. */
export async function readPhoto(path: string): Promise<Photo> {
  const { data, info } = await sharp(path).rotate().flatten({ background: '#ffffff' }).toColourspace('srgb').removeAlpha().raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, pixels: data }
}

export interface Cut { left: number; top: number; width: number; height: number; isMirrored: boolean }

/** Torchvision's RandomResizedCrop takes from 8 % of the area; below 20 % little is left that makes a photo itself. */
const LEAST_AREA = 0.2
const WIDEST = 4 / 3

/** A share of the area from LEAST_AREA to 1, sides from 3:4 to 4:3 (even in the logarithm), anywhere within the photo. */
export function drawCut({ width, height }: Pick<Photo, 'width' | 'height'>, draw: Draw): Cut {
  const area = width * height * (LEAST_AREA + share(draw) * (1 - LEAST_AREA))
  const ratio = WIDEST ** (share(draw) * 2 - 1)
  const cut = { width: within(Math.sqrt(area * ratio), width), height: within(Math.sqrt(area / ratio), height) }
  return { ...cut, left: draw.below(width - cut.width + 1), top: draw.below(height - cut.height + 1), isMirrored: draw.below(2) === 1 }
}

/** A picture for the encoder: PNG without compression, since it is read again at once. */
export function cutOut({ width, height, pixels }: Photo, { isMirrored, ...region }: Cut): Promise<Buffer> {
  const picture = sharp(pixels, { raw: { width, height, channels: 3 } }).extract(region)
  return (isMirrored ? picture.flop() : picture).png({ compressionLevel: 0 }).toBuffer()
}

function share(draw: Draw): number {
  return draw.below(1 << 30) / (1 << 30)
}

function within(side: number, bound: number): number {
  return Math.max(1, Math.min(bound, Math.round(side)))
}
