/** What happens to pictures on their way through the world: eight edits of one JPEG, and a plain copy. */
import { extname } from 'node:path'
import sharp from 'sharp'
import type { DemoItem, Workshop } from './item.ts'
import { withDescription } from './jpeg-segments.ts'

interface Edit {
  suffix: string
  format: 'jpg' | 'png' | 'webp'
  note: string
  /** Undefined where both answers are right. */
  relation: 'same-picture' | 'copy' | undefined
  make(jpeg: Buffer, name: string): Promise<Buffer>
}

const EDITS: readonly Edit[] = [
  { suffix: 'half', format: 'jpg', note: 'half the size', relation: 'copy', make: (jpeg) => halve(jpeg) },
  { suffix: 'q40', format: 'jpg', note: 'JPEG quality 40', relation: 'copy', make: (jpeg) => sharp(jpeg).jpeg({ quality: 40 }).toBuffer() },
  { suffix: 'cropped', format: 'jpg', note: '2 % cut off each side', relation: undefined, make: (jpeg) => crop(jpeg, 0.02) },
  { suffix: 'blurred', format: 'jpg', note: 'blurred, σ 1.5', relation: 'copy', make: (jpeg) => sharp(jpeg).blur(1.5).jpeg({ quality: 90 }).toBuffer() },
  { suffix: 'brighter', format: 'jpg', note: '15 % brighter', relation: 'copy', make: (jpeg) => sharp(jpeg).linear(1.15, 0).jpeg({ quality: 90 }).toBuffer() },
  { suffix: 'converted', format: 'webp', note: 'converted to WebP', relation: 'copy', make: (jpeg) => sharp(jpeg).webp({ quality: 85, effort: 1 }).toBuffer() },
  { suffix: 'turned', format: 'jpg', note: 'turned, upright by its EXIF tag', relation: 'copy', make: (jpeg) => turn(jpeg) },
  { suffix: 'relabelled', format: 'jpg', note: 'other metadata, same picture data', relation: 'same-picture', make: async (jpeg, name) => withDescription(jpeg, `relabelled ${name}`) },
]

export const EDITS_PER_PICTURE = EDITS.length

/** All edits of one JPEG, in the order of the table. */
export async function makeEdits(workshop: Workshop, original: DemoItem, jpeg: Buffer): Promise<DemoItem[]> {
  const base = original.name.slice(0, -extname(original.name).length)
  return Promise.all(EDITS.map(async ({ suffix, format, note, relation, make }) => ({
    ...(await workshop.save(`${base}-${suffix}.${format}`, await make(jpeg, base))), kind: 'image' as const, family: original.family, note,
    expect: { outcome: 'stored' as const, ...(relation ? { relation } : {}), of: original.name }, tags: [],
  })))
}

export async function makeByteCopy(workshop: Workshop, original: DemoItem, bytes: Buffer, name: string): Promise<DemoItem> {
  return {
    ...(await workshop.save(name, bytes)), kind: 'image', family: original.family, note: 'the same bytes under another name',
    expect: { outcome: 'stored', relation: 'same-bytes', of: original.name }, tags: [],
  }
}

async function halve(jpeg: Buffer): Promise<Buffer> {
  const { width } = await sharp(jpeg).metadata()
  return sharp(jpeg).resize(Math.round(width / 2)).jpeg({ quality: 90 }).toBuffer()
}

/** Cuts `share` of the width and the height off at each side. */
export async function crop(jpeg: Buffer, share: number): Promise<Buffer> {
  const { width, height } = await sharp(jpeg).metadata()
  const left = Math.round(width * share)
  const top = Math.round(height * share)
  return sharp(jpeg).extract({ left, top, width: width - 2 * left, height: height - 2 * top }).jpeg({ quality: 90 }).toBuffer()
}

/** Stores the picture a quarter turn to the left, with the tag (orientation 6) that tells viewers to turn it back. */
export function turn(jpeg: Buffer): Promise<Buffer> {
  return sharp(jpeg).rotate(270).withMetadata({ orientation: 6 }).jpeg({ quality: 92 }).toBuffer()
}
