/** Tags of a row: per tag a varint (LEB128) of tag id · 2 + predicted, and a byte of confidence in 1/255. Best first. */

export interface CodedTag {
  id: number
  predicted: boolean
  /** 0 to 1; kept in steps of 1/255. */
  confidence: number
}

/** Five of the number, below 2^31, and one of the confidence. */
const MAX_TAG_BYTES = 6

/** Null for none. `idOf` gives a tag's number, up to 2^30 - 1. */
export function encodeTags<T extends Omit<CodedTag, 'id'>>(tags: readonly T[], idOf: (tag: T) => number): Buffer | null {
  if (tags.length === 0) return null
  const bytes = Buffer.allocUnsafe(tags.length * MAX_TAG_BYTES)
  let at = 0
  for (const tag of tags) {
    let number = idOf(tag) * 2 + (tag.predicted ? 1 : 0)
    for (; number > 127; number >>>= 7) bytes[at++] = (number & 127) | 128
    bytes[at++] = number
    bytes[at++] = Math.round(Math.min(Math.max(tag.confidence, 0), 1) * 255)
  }
  return bytes.subarray(0, at)
}

export function decodeTags(bytes: Uint8Array | null): CodedTag[] {
  const tags: CodedTag[] = []
  for (let at = 0; bytes && at < bytes.length; ) {
    let number = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!
      number += (byte & 127) * scale
      if (byte < 128) break
    }
    tags.push({ id: Math.floor(number / 2), predicted: number % 2 === 1, confidence: bytes[at++]! / 255 })
  }
  return tags
}
