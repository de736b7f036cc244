/** Whether a container says that its media is encrypted. Decoders give noise or errors for such files, never the reason. */
import { open, type FileHandle } from 'node:fs/promises'

/** A `moov` or the head of a Matroska file is read up to here; both hold descriptions, not media. */
const MAX_DESCRIPTION_BYTES = 16 << 20
const MAX_BOXES = 1000

export async function saysEncrypted(path: string, demuxer: string): Promise<boolean> {
  await using file = await open(path)
  if (demuxer === 'mov') return mp4SaysEncrypted(await readMoov(file))
  if (demuxer === 'matroska') return matroskaSaysEncrypted(await readRange(file, 0, 1 << 16))
  return false
}

/** Common Encryption (ISO/IEC 23001-7): sample entries are renamed `encv` or `enca`, their real name is in `sinf`. */
export function mp4SaysEncrypted(moov: Buffer): boolean {
  return (moov.includes('encv', 0, 'latin1') || moov.includes('enca', 0, 'latin1')) && moov.includes('sinf', 0, 'latin1') && moov.includes('schm', 0, 'latin1')
}

/** ContentEncodings (6D80) with a ContentEncryption (5035) soon after (RFC 9559, 5.1.4.1.31). */
export function matroskaSaysEncrypted(head: Buffer): boolean {
  const encodings = head.indexOf(Buffer.from([0x6d, 0x80]))
  return encodings >= 0 && head.subarray(encodings, encodings + 64).includes(Buffer.from([0x50, 0x35]))
}

/** The `moov` box, wherever it lies; empty when there is none. */
async function readMoov(file: FileHandle): Promise<Buffer> {
  let at = 0
  for (let boxes = 0; boxes < MAX_BOXES; boxes++) {
    const header = await readRange(file, at, 16)
    if (header.length < 8) return Buffer.alloc(0)
    const bytes = boxBytes(header)
    if (header.toString('latin1', 4, 8) === 'moov') return readRange(file, at, Math.min(bytes, MAX_DESCRIPTION_BYTES))
    if (bytes < 8 || !Number.isSafeInteger(at + bytes)) return Buffer.alloc(0)
    at += bytes
  }
  return Buffer.alloc(0)
}

/** Length of a box: 1 announces a 64-bit length, 0 reaches to the end of the file. */
function boxBytes(header: Buffer): number {
  const short = header.readUInt32BE(0)
  if (short === 1 && header.length === 16) return Number(header.readBigUInt64BE(8))
  return short === 0 ? MAX_DESCRIPTION_BYTES : short
}

async function readRange(file: FileHandle, position: number, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, position)
  return buffer.subarray(0, bytesRead)
}
