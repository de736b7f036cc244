/** Streams without a signature: recognised by headers that follow each other at the distance that each announces. */
import { id3Length } from './bytes.ts'

/** With junk before it, chance is ruled out by this many headers in a row: each matches by luck about once in 4,000. */
const HEADERS_IN_A_ROW = 4

/** Plain, with a time stamp before, with error correction behind. (ISO/IEC 13818-1; M2TS; DVB) */
const PACKET_BYTES = [188, 192, 204]
const PACKETS_IN_A_ROW = 5
const SYNC_BYTE = 0x47

export function transportStreamType(head: Buffer): string | undefined {
  for (const size of PACKET_BYTES) {
    for (let at = 0; at + size * (PACKETS_IN_A_ROW - 1) < head.length; at += 1) {
      if (isSynchronous(head, at, size)) return 'video/mp2t'
    }
  }
  return undefined
}

function isSynchronous(head: Buffer, start: number, size: number): boolean {
  for (let packet = 0; packet < PACKETS_IN_A_ROW; packet += 1) {
    if (head[start + packet * size] !== SYNC_BYTE) return false
  }
  return true
}

/** MPEG audio (layers I to III) and AAC in ADTS frames, after an ID3 tag or junk. */
export function audioStreamType(head: Buffer): string | undefined {
  const start = id3Length(head)
  // A tag longer than the head, usually for a cover picture, is an MP3 by custom.
  if (start >= head.length && start > 0) return 'audio/mpeg'
  for (let at = start; at + 4 <= head.length; at += 1) {
    if (head[at] !== 0xff) continue
    if (chainOf(head, at, mpegFrameBytes) >= needed(head, at, start, mpegFrameBytes)) return 'audio/mpeg'
    if (chainOf(head, at, adtsFrameBytes) >= needed(head, at, start, adtsFrameBytes)) return 'audio/aac'
  }
  return undefined
}

type FrameBytes = (head: Buffer, at: number) => number

/** Where a stream should begin, a file of a single frame will do. */
function needed(head: Buffer, at: number, start: number, frameBytes: FrameBytes): number {
  const length = frameBytes(head, at)
  return at === start && length > 0 && at + 2 * length >= head.length ? 1 : HEADERS_IN_A_ROW
}

/** Frames in a row from an offset, as far as anyone wants to know. */
function chainOf(head: Buffer, at: number, frameBytes: FrameBytes): number {
  for (let frames = 0; ; frames += 1) {
    const length = frameBytes(head, at)
    if (length === 0 || frames === HEADERS_IN_A_ROW) return frames
    at += length
  }
}

/** kbit/s by [MPEG-1?][layer - 1][index]. (ISO/IEC 11172-3 2.4.2.3, 13818-3 2.4.2.3) */
const BITRATES_1 = [
  [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
]
const BITRATES_2 = [
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
]
const SAMPLE_RATES = [44_100, 48_000, 32_000]

/** Length of the MPEG audio frame whose header is here, bytes; 0 when there is none, or one of free bit rate. */
function mpegFrameBytes(head: Buffer, at: number): number {
  if (at + 4 > head.length || head[at] !== 0xff || (head[at + 1]! & 0xe0) !== 0xe0) return 0
  const version = (head[at + 1]! >> 3) & 3
  const layer = 4 - ((head[at + 1]! >> 1) & 3)
  const isVersion1 = version === 3
  const bitrate = (isVersion1 ? BITRATES_1 : BITRATES_2)[layer - 1]?.[head[at + 2]! >> 4]
  const baseRate = SAMPLE_RATES[(head[at + 2]! >> 2) & 3]
  if (version === 1 || !bitrate || baseRate === undefined) return 0
  const rate = baseRate / (isVersion1 ? 1 : version === 2 ? 2 : 4)
  const padding = (head[at + 2]! >> 1) & 1
  if (layer === 1) return (Math.floor((12_000 * bitrate) / rate) + padding) * 4
  const samplesPerSlot = layer === 3 && !isVersion1 ? 72_000 : 144_000
  return Math.floor((samplesPerSlot * bitrate) / rate) + padding
}

/** Length of the ADTS frame whose header is here, bytes; 0 when there is none. (ISO/IEC 13818-7 6.2) */
function adtsFrameBytes(head: Buffer, at: number): number {
  if (at + 7 > head.length || head[at] !== 0xff || (head[at + 1]! & 0xf6) !== 0xf0) return 0
  if (((head[at + 2]! >> 2) & 15) > 12) return 0
  const length = ((head[at + 3]! & 3) << 11) | (head[at + 4]! << 3) | (head[at + 5]! >> 5)
  return length < 7 ? 0 : length
}
