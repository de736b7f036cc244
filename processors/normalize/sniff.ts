/**
 * What a file is, by its first bytes. The decoder is forced to this format: a file never chooses its own, so a
 * playlist or script under a media name opens nothing.
 */

import { open, type FileHandle } from 'node:fs/promises'

/** Enough for every signature, for a PNG's chunks before its pixels and for a transport stream behind some junk. */
const HEAD_BYTES = 16_384

export type Format =
  /** Decoded by libvips. */
  | { family: 'picture'; name: 'jpeg' | 'png' | 'gif' | 'webp' | 'heif' | 'tiff' }
  /** Decoded by ffmpeg with this demuxer; `picture` marks stills and animations. */
  | { family: 'stream'; demuxer: string; picture?: boolean }

const picture = (name: Extract<Format, { family: 'picture' }>['name']): Format => ({ family: 'picture', name })
const stream = (demuxer: string): Format => ({ family: 'stream', demuxer })
const ffmpegPicture = (demuxer: string): Format => ({ family: 'stream', demuxer, picture: true })

interface Signature { at: number; text: string; format: Format }

/** Latin-1 text at a fixed place; the first that matches wins. */
const SIGNATURES: Signature[] = [
  { at: 0, text: '\xff\xd8\xff', format: picture('jpeg') },
  { at: 0, text: 'GIF8', format: picture('gif') },
  { at: 0, text: 'II*\0', format: picture('tiff') },
  { at: 0, text: 'MM\0*', format: picture('tiff') },
  { at: 0, text: 'II+\0', format: picture('tiff') },
  { at: 0, text: 'MM\0+', format: picture('tiff') },
  { at: 8, text: 'WEBP', format: picture('webp') },
  { at: 8, text: 'WAVE', format: stream('wav') },
  { at: 8, text: 'AVI ', format: stream('avi') },
  { at: 0, text: '\x1a\x45\xdf\xa3', format: stream('matroska') },
  { at: 0, text: 'OggS', format: stream('ogg') },
  { at: 0, text: 'fLaC', format: stream('flac') },
  { at: 0, text: 'FLV\x01', format: stream('flv') },
  { at: 0, text: '#!AMR', format: stream('amr') },
  { at: 0, text: '\0\0\x01\xba', format: stream('mpeg') },
  { at: 0, text: '\x30\x26\xb2\x75\x8e\x66\xcf\x11', format: stream('asf') },
  { at: 8, text: 'AIFF', format: stream('aiff') },
  { at: 8, text: 'AIFC', format: stream('aiff') },
  { at: 0, text: 'caff\0\x01', format: stream('caf') },
  { at: 0, text: '\x0b\x77', format: stream('ac3') },
]

/** Boxes that a QuickTime or MP4 file may begin with. */
const MOV_BOXES = new Set(['ftyp', 'styp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pnot', 'moof', 'sidx'])
/** Major brands of HEIF and AVIF stills and their sequences. */
const HEIF_BRANDS = new Set(['avif', 'avis', 'mif1', 'msf1', 'heic', 'heix', 'heim', 'heis', 'hevc', 'hevx'])

/** For what has no signature near its start. */
const BY_TYPE = new Map([
  ['audio/mpeg', stream('mp3')],
  ['audio/aac', stream('aac')],
  ['video/mp2t', stream('mpegts')],
  ['video/mpeg', stream('mpeg')],
])

/** The first bytes of a file, after its ID3 tag when it has one: cover art can make that long. */
export async function readHead(path: string): Promise<Buffer> {
  await using file = await open(path)
  const head = await readAt(file, 0)
  const tagBytes = id3Length(head)
  return tagBytes === 0 ? head : readAt(file, tagBytes)
}

async function readAt(file: FileHandle, position: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, position)
  return buffer.subarray(0, bytesRead)
}

/** The format, or undefined when it is none of ours. `typeHint` counts only where the bytes say nothing. */
export function sniff(head: Buffer, typeHint: string): Format | undefined {
  return sniffPng(head) ?? sniffMov(head) ?? sniffBmp(head) ?? sniffSignature(head) ?? sniffSync(head) ?? BY_TYPE.get(typeHint)
}

function sniffSignature(head: Buffer): Format | undefined {
  const start = head.toString('latin1', 0, 16)
  return SIGNATURES.find(({ at, text }) => start.startsWith(text, at) && (at === 0 || /^(RIFF|RF64|FORM)/.test(start)))?.format
}

/** libvips shows one frame of an animated PNG: those go to ffmpeg. */
function sniffPng(head: Buffer): Format | undefined {
  if (head.toString('latin1', 0, 8) !== '\x89PNG\r\n\x1a\n') return undefined
  const animation = head.indexOf('acTL', 8, 'latin1')
  const pixels = head.indexOf('IDAT', 8, 'latin1')
  return animation > 0 && (pixels < 0 || animation < pixels) ? ffmpegPicture('apng') : picture('png')
}

function sniffMov(head: Buffer): Format | undefined {
  const box = head.toString('latin1', 4, 8)
  if (!MOV_BOXES.has(box)) return undefined
  return box === 'ftyp' && HEIF_BRANDS.has(head.toString('latin1', 8, 12)) ? picture('heif') : stream('mov')
}

/** 'BM' alone is too common: the pixel offset and the header's own length must make sense too. */
function sniffBmp(head: Buffer): Format | undefined {
  if (head.length < 26 || head.toString('latin1', 0, 2) !== 'BM') return undefined
  const headerBytes = head.readUInt32LE(14)
  return headerBytes >= 12 && headerBytes <= 256 ? ffmpegPicture('bmp_pipe') : undefined
}

/**
 * What has no signature but a rhythm, possibly after junk. The rhythm that begins first counts: MP3 frames of 192 bytes
 * can hold a transport stream's sync byte each at the same place, and transport packets hold frames of AAC.
 */
function sniffSync(head: Buffer): Format | undefined {
  for (let start = 0; start + 4 <= head.length && start < MAX_JUNK_BYTES; start++) {
    if (head[start] === 0x47 && isTransport(head, start)) return stream('mpegts')
    if (head[start] !== 0xff) continue
    if (isRunOf(adtsFrameBytes, head, start)) return stream('aac')
    if (isRunOf(mp3FrameBytes, head, start)) return stream('mp3')
  }
  return undefined
}

const MAX_JUNK_BYTES = 8192

/** MPEG transport stream: five sync bytes one packet apart; packets of 192 bytes carry a time code each. */
function isTransport(head: Buffer, start: number): boolean {
  return [188, 192].some((packetBytes) => [1, 2, 3, 4].every((n) => head[start + n * packetBytes] === 0x47))
}

/** Three in a row, or as many as fit into the file; one alone only at its very start. */
function isRunOf(frameBytes: (head: Buffer, at: number) => number, head: Buffer, start: number): boolean {
  let at = start
  for (let frame = 0; frame < 3; frame++) {
    if (at + 6 > head.length) return frame >= 2 || start === 0
    const bytes = frameBytes(head, at)
    if (bytes === 0) return false
    at += bytes
  }
  return true
}

/** Length of the AAC frame whose ADTS header is at `at`; 0 when there is none. */
function adtsFrameBytes(head: Buffer, at: number): number {
  if (head[at] !== 0xff || (head[at + 1]! & 0xf6) !== 0xf0) return 0
  const bytes = ((head[at + 3]! & 0x03) << 11) | (head[at + 4]! << 3) | (head[at + 5]! >> 5)
  return bytes >= 7 ? bytes : 0
}

/** kbit/s by index, for Layer III of MPEG-1 and of MPEG-2 and 2.5 (ISO/IEC 11172-3 and 13818-3). */
const KBITS_MPEG1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
const KBITS_MPEG2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
const SAMPLE_RATES_HZ = [44_100, 48_000, 32_000]

/** Length of the MPEG Layer III frame whose header is at `at`; 0 when there is none. */
function mp3FrameBytes(head: Buffer, at: number): number {
  if (head[at] !== 0xff || (head[at + 1]! & 0xe6) !== 0xe2) return 0
  const version = (head[at + 1]! >> 3) & 3
  const kbits = (version === 3 ? KBITS_MPEG1 : KBITS_MPEG2)[head[at + 2]! >> 4]
  const rateHz = SAMPLE_RATES_HZ[(head[at + 2]! >> 2) & 3]
  if (version === 1 || !kbits || !rateHz) return 0
  const padding = (head[at + 2]! >> 1) & 1
  const slowdown = version === 3 ? 1 : version === 2 ? 2 : 4
  return Math.floor(((version === 3 ? 144_000 : 72_000) * kbits) / (rateHz / slowdown)) + padding
}

/** Length of an ID3v2 tag in front of the sound, of which cover art can be most. */
function id3Length(head: Buffer): number {
  if (head.length < 10 || head.toString('latin1', 0, 3) !== 'ID3') return 0
  return 10 + ((head[6]! & 0x7f) << 21) + ((head[7]! & 0x7f) << 14) + ((head[8]! & 0x7f) << 7) + (head[9]! & 0x7f)
}
