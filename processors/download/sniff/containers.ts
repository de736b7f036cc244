/** Containers of pictures, video and sound by their signatures. */
import { id3Length, startsAt } from './bytes.ts'

/** MIME type of a container; undefined when it is none that is taken. */
export function containerType(head: Buffer): string | undefined {
  return isoMediaType(head) ?? matroskaType(head) ?? riffType(head) ?? oggType(head) ?? simpleType(head)
}

const BRANDS: [prefix: string, type: string | undefined][] = [
  ['avif', 'image/avif'], ['avis', 'image/avif'],
  ['heic', 'image/heic'], ['heix', 'image/heic'], ['heim', 'image/heic'], ['heis', 'image/heic'], ['hevc', 'image/heic'], ['hevx', 'image/heic'],
  ['mif1', 'image/heif'], ['msf1', 'image/heif'], ['mif2', 'image/heif'],
  ['qt', 'video/quicktime'], ['3gp', 'video/3gpp'], ['3g2', 'video/3gpp2'], ['3ge', 'video/3gpp'],
  ['M4A', 'audio/mp4'], ['M4B', 'audio/mp4'], ['F4A', 'audio/mp4'], ['F4B', 'audio/mp4'],
  // The same boxes around other things: Canon's raw pictures and JPEG 2000 and XL.
  ['crx', undefined], ['jp2', undefined], ['jpx', undefined], ['jpm', undefined], ['mjp2', undefined], ['jxl', undefined],
]

/** Segments of a fragmented MP4, cut out of their file. */
const SEGMENT = ['styp', 'sidx', 'moof']

/** QuickTime files older than the brand begin with one of these boxes. */
const OLD_QUICKTIME = ['moov', 'mdat', 'wide', 'free', 'skip', 'pnot']

/** ISO/IEC 14496-12 4.3: the major brand says which reading is best. Unknown brands are read as MP4. */
function isoMediaType(head: Buffer): string | undefined {
  if (startsAt(head, 4, 'ftyp')) {
    const known = BRANDS.find(([prefix]) => startsAt(head, 8, prefix))
    const type = known === undefined ? 'video/mp4' : known[1]
    return type === 'image/heif' ? heifType(head) : type
  }
  if (SEGMENT.some((box) => startsAt(head, 4, box))) return 'video/mp4'
  return head.length >= 8 && head[0] === 0 && OLD_QUICKTIME.some((box) => startsAt(head, 4, box)) ? 'video/quicktime' : undefined
}

/** Under a general HEIF brand the compatible brands tell the codec. */
function heifType(head: Buffer): string {
  const end = Math.min(head.readUInt32BE(0), head.length, 256)
  for (let at = 16; at + 4 <= end; at += 4) {
    if (startsAt(head, at, 'avif')) return 'image/avif'
    if (startsAt(head, at, 'heic')) return 'image/heic'
  }
  return 'image/heif'
}

/** The DocType element is near the start (RFC 8794 11.2); where damage hides it, the decoder finds out. */
function matroskaType(head: Buffer): string | undefined {
  if (!startsAt(head, 0, '\x1a\x45\xdf\xa3')) return undefined
  const docType = head.subarray(0, 4096).indexOf('\x42\x82', 4, 'latin1')
  return docType >= 0 && startsAt(head, docType + 3, 'webm') ? 'video/webm' : 'video/matroska'
}

function riffType(head: Buffer): string | undefined {
  if (startsAt(head, 0, 'RIFF') && startsAt(head, 8, 'AVI ')) return 'video/vnd.avi'
  const isWave = startsAt(head, 8, 'WAVE') && ['RIFF', 'RF64', 'BW64'].some((mark) => startsAt(head, 0, mark))
  if (isWave) return 'audio/wav'
  const isAiff = startsAt(head, 0, 'FORM') && (startsAt(head, 8, 'AIFF') || startsAt(head, 8, 'AIFC'))
  return isAiff ? 'audio/aiff' : undefined
}

const OGG_VIDEO = ['\x80theora', '\x01video\0']
const OGG_AUDIO = ['OpusHead', '\x01vorbis', '\x7fFLAC', 'Speex  ']

/** All streams announce themselves in the first pages (RFC 3533 section 4); one of video makes it a video. */
function oggType(head: Buffer): string | undefined {
  if (!startsAt(head, 0, 'OggS')) return undefined
  const pages = head.subarray(0, 4096)
  if (OGG_VIDEO.some((mark) => pages.includes(mark, 0, 'latin1'))) return 'video/ogg'
  return OGG_AUDIO.some((mark) => pages.includes(mark, 0, 'latin1')) ? 'audio/ogg' : undefined
}

const ASF_HEADER = '\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c'

function simpleType(head: Buffer): string | undefined {
  if (startsAt(head, id3Length(head), 'fLaC')) return 'audio/flac'
  if (startsAt(head, 0, '#!AMR\n') || startsAt(head, 0, '#!AMR-WB\n')) return 'audio/amr'
  if (startsAt(head, 0, 'FLV\x01')) return 'video/x-flv'
  if (startsAt(head, 0, ASF_HEADER)) return 'video/x-ms-asf'
  if (startsAt(head, 0, 'caff\0\x01')) return 'audio/x-caf'
  if (isDolbyDigital(head, id3Length(head))) return 'audio/ac3'
  // Pack header of a program stream, sequence header of a bare MPEG-1 or 2 video.
  if (startsAt(head, 0, '\0\0\x01\xba') || startsAt(head, 0, '\0\0\x01\xb3')) return 'video/mpeg'
  return undefined
}

/** Sync word, and a bit stream version that exists: 8 and below are AC-3, 11 to 16 are E-AC-3. (ETSI TS 102 366, 4.4.2.1 and E.1.3.1.6) */
function isDolbyDigital(head: Buffer, at: number): boolean {
  return startsAt(head, at, '\x0b\x77') && head.length > at + 5 && head[at + 5]! >> 3 <= 16
}
