/** Pictures by their signatures. */
import { startsAt } from './bytes.ts'

/** MIME type of a picture; undefined when it is none that is taken. Pictures in ISO media files are in `containers.ts`. */
export function pictureType(head: Buffer): string | undefined {
  if (startsAt(head, 0, '\xff\xd8\xff')) return isJpegLs(head) ? undefined : 'image/jpeg'
  if (startsAt(head, 0, '\x89PNG\r\n\x1a\n')) return isAnimatedPng(head) ? 'image/apng' : 'image/png'
  if (startsAt(head, 0, 'GIF87a') || startsAt(head, 0, 'GIF89a')) return 'image/gif'
  if (startsAt(head, 0, 'RIFF') && startsAt(head, 8, 'WEBP')) return 'image/webp'
  if (isTiff(head)) return 'image/tiff'
  if (isBmp(head)) return 'image/bmp'
  return undefined
}

/** JPEG-LS shares the signature, but its first frame marker is SOF55. (ISO/IEC 14495-1) */
function isJpegLs(head: Buffer): boolean {
  return head[3] === 0xf7
}

/** The animation control chunk comes before the first image data. (PNG third edition, 11.3.6.1) */
function isAnimatedPng(head: Buffer): boolean {
  for (let at = 8; at + 8 <= head.length; at += 12 + head.readUInt32BE(at)) {
    if (startsAt(head, at + 4, 'acTL')) return true
    if (startsAt(head, at + 4, 'IDAT')) return false
  }
  return false
}

/** Classic and BigTIFF, either byte order. Canon's raw format has its own mark behind the header. */
function isTiff(head: Buffer): boolean {
  const marks = ['II*\0', 'MM\0*', 'II+\0', 'MM\0+']
  return marks.some((mark) => startsAt(head, 0, mark)) && !startsAt(head, 8, 'CR')
}

/** Two letters are too few to go by, so the length of the second header must be one that exists. */
const BMP_HEADER_BYTES = new Set([12, 16, 40, 52, 56, 64, 108, 124])

function isBmp(head: Buffer): boolean {
  return startsAt(head, 0, 'BM') && head.length >= 18 && BMP_HEADER_BYTES.has(head.readUInt32LE(14))
}
