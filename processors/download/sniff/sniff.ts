/**
 * What bytes are, by their content. Names and headers are never asked.
 *
 * The media that pass are recognised by tests of our own, so that the answer to a replay does not change with a
 * library. Whatever passes none of them is refused; a library is asked only to name it.
 */
import { fileTypeFromBuffer } from 'file-type'
import { containerType } from './containers.ts'
import { audioStreamType, transportStreamType } from './elementary-streams.ts'
import { pictureType } from './pictures.ts'
import { textKind } from './text-kinds.ts'

export type Sniffed = { type: string } | Refusal

interface Refusal {
  refused: 'download.html' | 'download.not-media' | 'download.unsupported-format'
  /** What it is, to be read after "the bytes are". */
  what: string
}

/** As much of a file's start as is ever looked at. Large enough for sound with some junk before it. */
export const HEAD_BYTES = 64 * 1024

/** A head, and so its type, is the same whether it was just fetched or was in the store already. */
export async function sniff(head: Buffer): Promise<Sniffed> {
  const plain = pictureType(head) ?? containerType(head)
  if (plain !== undefined) return plain === 'image/tiff' ? await tiffOrRaw(head) : { type: plain }
  const text = textKind(head)
  if (text !== undefined) return text
  const archive = archiveName(head)
  if (archive !== undefined) return { refused: 'download.not-media', what: archive }
  const named = await nameOf(head)
  // These have no signature, only a rhythm, and may begin anywhere: tried last, lest they be found inside something else.
  const stream = named === undefined || MAY_BE_STREAM.has(named) ? (transportStreamType(head) ?? audioStreamType(head)) : undefined
  return stream === undefined ? refusalOf(named) : { type: stream }
}

const MAY_BE_STREAM = new Set(['audio/mpeg', 'audio/aac', 'video/mp2t', 'video/mpeg'])

/** Recognised here, before a library would unpack them to look inside. */
const ARCHIVES: [signature: string, offset: number, name: string][] = [
  ['504b0304', 0, 'a zip archive, or a document that is one'], ['504b0506', 0, 'an empty zip archive'], ['1f8b', 0, 'a gzip archive'],
  ['377abcaf271c', 0, 'a 7z archive'], ['526172211a07', 0, 'a rar archive'], ['fd377a585a00', 0, 'an xz archive'],
  ['28b52ffd', 0, 'a zstd archive'], ['425a68', 0, 'a bzip2 archive'], ['7573746172', 257, 'a tar archive'],
]

function archiveName(head: Buffer): string | undefined {
  return ARCHIVES.find(([signature, offset]) => head.toString('hex', offset, offset + signature.length / 2) === signature)?.[2]
}

/** Camera raw files are TIFFs whose first picture is a thumbnail: taken as TIFF, they would be judged by it. */
async function tiffOrRaw(head: Buffer): Promise<Sniffed> {
  const named = await nameOf(head)
  return named === undefined || named === 'image/tiff' ? { type: 'image/tiff' } : refusalOf(named)
}

async function nameOf(head: Buffer): Promise<string | undefined> {
  // Refused either way: bytes on which the library fails just stay nameless.
  return (await fileTypeFromBuffer(head).catch(() => undefined))?.mime
}

/** They are filed under picture and sound, and hold neither pixels nor samples. */
const NO_MEDIA = new Set(['audio/midi', 'image/vnd.dwg'])

function refusalOf(mime: string | undefined): Refusal {
  if (mime === undefined) return { refused: 'download.not-media', what: 'of no known type' }
  const isMedia = /^(image|video|audio)\//.test(mime) && !NO_MEDIA.has(mime)
  return { refused: isMedia || mime === 'application/ogg' ? 'download.unsupported-format' : 'download.not-media', what: mime }
}
