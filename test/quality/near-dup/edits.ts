/** Edits that people and platforms make to a photo, from full-size bytes to new bytes. */
import sharp, { type Sharp } from 'sharp'

export interface Edit {
  name: string
  apply(photo: Buffer): Promise<Buffer>
}

const QUALITY = 92

function edit(name: string, change: (picture: Sharp, size: { width: number; height: number }) => Sharp): Edit {
  return {
    name,
    async apply(photo) {
      const { data, info } = await sharp(photo).rotate().toColourspace('srgb').removeAlpha().raw().toBuffer({ resolveWithObject: true })
      return change(sharp(data, { raw: { width: info.width, height: info.height, channels: 3 } }), info).toBuffer()
    },
  }
}

const jpeg = (picture: Sharp, quality = QUALITY) => picture.jpeg({ quality })

/** Cuts this share off every side. */
function crop(share: number) {
  return (picture: Sharp, { width, height }: { width: number; height: number }) => {
    const [left, top] = [Math.round(width * share), Math.round(height * share)]
    return jpeg(picture.extract({ left, top, width: width - 2 * left, height: height - 2 * top }))
  }
}

function corner(picture: Sharp, { width, height }: { width: number; height: number }): Sharp {
  const [w, h] = [Math.round(width / 6), Math.round(height / 12)]
  const mark = Buffer.from(`<svg width="${w}" height="${h}"><rect width="100%" height="100%" fill="#fff" opacity="0.7"/></svg>`)
  return jpeg(picture.composite([{ input: mark, gravity: 'southeast' }]))
}

/** Copies that users expect to be found. */
export const EDITS: Edit[] = [
  edit('resize to 50 %', (picture, { width }) => jpeg(picture.resize({ width: Math.round(width / 2) }))),
  edit('JPEG quality 90', (picture) => jpeg(picture, 90)),
  edit('JPEG quality 75', (picture) => jpeg(picture, 75)),
  edit('JPEG quality 40', (picture) => jpeg(picture, 40)),
  edit('as WebP', (picture) => picture.webp({ quality: 80 })),
  edit('as PNG', (picture) => picture.png()),
  edit('as AVIF', (picture) => picture.avif({ quality: 50, effort: 0 })),
  edit('blur sigma 1', (picture) => jpeg(picture.blur(1))),
  edit('blur sigma 2', (picture) => jpeg(picture.blur(2))),
  edit('brightness +15 %', (picture) => jpeg(picture.modulate({ brightness: 1.15 }))),
  edit('brightness -15 %', (picture) => jpeg(picture.modulate({ brightness: 0.85 }))),
  edit('gamma 1.5', (picture) => jpeg(picture.gamma(1.5, 1))),
  edit('contrast +20 %', (picture) => jpeg(picture.linear(1.2, -25))),
  edit('greyscale', (picture) => jpeg(picture.greyscale())),
  edit('sharpen', (picture) => jpeg(picture.sharpen({ sigma: 1 }))),
  edit('corner label', corner),
  edit('crop 2 %', crop(0.02)),
]

/** Changes beyond hashes: measured and published, without a floor. */
export const HARD_EDITS: Edit[] = [
  edit('crop 5 %', crop(0.05)),
  edit('rotate 2 degrees', (picture) => jpeg(picture.rotate(2))),
  edit('pad 5 %', (picture, { width, height }) => jpeg(picture.extend({
    top: Math.round(height / 20), bottom: Math.round(height / 20), left: Math.round(width / 20), right: Math.round(width / 20),
  }))),
]

/** Other pictures by our definition: hashes of mirrored and turned ones must not match. */
export const MIRRORS: Edit[] = [
  edit('mirrored', (picture) => jpeg(picture.flop())),
  edit('turned 180 degrees', (picture) => jpeg(picture.rotate(180))),
]
