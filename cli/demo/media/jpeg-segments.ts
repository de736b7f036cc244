/** Metadata written straight into a JPEG's segments (ITU T.81 B.1.1), so that its compressed picture stays as it is, bit for bit. */

const APP1 = 0xe1
const COMMENT = 0xfe
/** TIFF tag of a text that describes the picture (Exif 2.32, table 3). */
const IMAGE_DESCRIPTION = 0x010e
const ASCII = 2

/** The same JPEG with an Exif description and a comment more. */
export function withDescription(jpeg: Buffer, text: string): Buffer {
  if (jpeg.readUInt16BE(0) !== 0xffd8) throw new Error('not a JPEG: it does not begin with SOI')
  return Buffer.concat([jpeg.subarray(0, 2), segment(APP1, exifDescription(text)), segment(COMMENT, Buffer.from(text)), jpeg.subarray(2)])
}

function segment(marker: number, body: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(body.length + 2, 2)
  return Buffer.concat([head, body])
}

/** Big-endian TIFF with one directory of one entry; the text lies behind it. Texts of up to three letters would lie inside. */
function exifDescription(text: string): Buffer {
  const value = Buffer.from(`${text.padEnd(4)}\0`, 'latin1')
  const tiff = Buffer.alloc(26)
  tiff.write('MM\0*', 0, 'latin1')
  tiff.writeUInt32BE(8, 4)
  tiff.writeUInt16BE(1, 8)
  tiff.writeUInt16BE(IMAGE_DESCRIPTION, 10)
  tiff.writeUInt16BE(ASCII, 12)
  tiff.writeUInt32BE(value.length, 14)
  tiff.writeUInt32BE(tiff.length, 18)
  return Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff, value])
}
