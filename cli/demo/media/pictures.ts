/** The original pictures: ten of each family, in the sizes and formats that arrive in practice. */
import sharp from 'sharp'
import type { Family } from './families/index.ts'
import type { DemoItem, Workshop } from './item.ts'
import type { Raster } from './raster.ts'
import { tagsFor } from './tags.ts'

type Format = 'jpg' | 'png' | 'webp' | 'avif' | 'tiff' | 'gif'

interface Shape {
  width: number
  height: number
  format: Format
}

/** One row for each picture of a family. The first is the one that the edits are made of. */
const SHAPES: readonly Shape[] = [
  { width: 1200, height: 900, format: 'jpg' },
  { width: 1600, height: 1200, format: 'jpg' },
  { width: 640, height: 480, format: 'png' },
  { width: 1024, height: 768, format: 'webp' },
  { width: 900, height: 1200, format: 'jpg' },
  { width: 640, height: 480, format: 'avif' },
  { width: 800, height: 600, format: 'tiff' },
  { width: 640, height: 480, format: 'gif' },
  { width: 1280, height: 720, format: 'jpg' },
  { width: 720, height: 720, format: 'jpg' },
]
const TWELVE_MEGAPIXELS = { width: 4000, height: 3000, format: 'jpg' } as const
/** Three are enough to show that size does not matter; more would only take time. */
const FAMILIES_WITH_A_LARGE_ONE: readonly Family[] = ['landscape', 'cloth', 'reef']
/** Larger pictures are painted at this size and enlarged: detail beyond it costs time and is seen by nobody. */
const PAINTED_LONG_SIDE = 640

export const PICTURES_PER_FAMILY = SHAPES.length

export function pictureName(family: Family, index: number): string {
  return `${family}-${String(index + 1).padStart(2, '0')}.${shapeOf(family, index).format}`
}

/** Makes picture `index` of a family and resolves to its item and its bytes. */
export async function makePicture(workshop: Workshop, family: Family, index: number): Promise<{ item: DemoItem; bytes: Buffer }> {
  const shape = shapeOf(family, index)
  const scale = Math.min(1, PAINTED_LONG_SIDE / Math.max(shape.width, shape.height))
  const size = { width: Math.round(shape.width * scale), height: Math.round(shape.height * scale) }
  const raster = await workshop.paint(family, `${workshop.seed} ${index}`, size)
  const bytes = await encode(raster, shape)
  const item: DemoItem = {
    ...(await workshop.save(pictureName(family, index), bytes)), kind: 'image', family,
    note: `${shape.width} × ${shape.height}`, expect: { outcome: 'stored', relation: 'original' }, tags: tagsFor(family, index),
  }
  return { item, bytes }
}

function shapeOf(family: Family, index: number): Shape {
  return index === 1 && FAMILIES_WITH_A_LARGE_ONE.includes(family) ? TWELVE_MEGAPIXELS : SHAPES[index]!
}

/** Encodes a raster in a format, enlarging it where asked. */
export function encode(raster: Raster, shape: { format: Format; width?: number; height?: number }): Promise<Buffer> {
  const { width = raster.width, height = raster.height, format } = shape
  const image = sharp(raster.pixels, { raw: { width: raster.width, height: raster.height, channels: 3 } }).resize(width, height, { fit: 'fill' })
  switch (format) {
    case 'jpg': return image.jpeg({ quality: 90 }).toBuffer()
    case 'png': return image.png({ compressionLevel: 3 }).toBuffer()
    case 'webp': return image.webp({ quality: 85, effort: 1 }).toBuffer()
    case 'avif': return image.avif({ quality: 60, effort: 1 }).toBuffer()
    case 'tiff': return image.tiff({ compression: 'lzw', predictor: 'horizontal' }).toBuffer()
    case 'gif': return image.gif({ effort: 3 }).toBuffer()
  }
}
