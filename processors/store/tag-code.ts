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
    at = writeVarint(bytes, at, idOf(tag) * 2 + (tag.predicted ? 1 : 0))
    bytes[at++] = Math.round(Math.min(Math.max(tag.confidence, 0), 1) * 255)
  }
  return bytes.subarray(0, at)
}

/** The same tags with other numbers. */
export function recodeTags(code: Uint8Array, idOf: (id: number) => number): Buffer {
  // A tag has two bytes at least.
  const bytes = Buffer.allocUnsafe((code.length / 2) * MAX_TAG_BYTES)
  let end = 0
  eachTag(code, (number, confidence) => {
    end = writeVarint(bytes, end, idOf(number >>> 1) * 2 + (number & 1))
    bytes[end++] = confidence
  })
  return bytes.subarray(0, end)
}

export function decodeTags(bytes: Uint8Array | null): CodedTag[] {
  const tags: CodedTag[] = []
  if (bytes) eachTag(bytes, (number, confidence) => tags.push({ id: number >>> 1, predicted: (number & 1) === 1, confidence: confidence / 255 }))
  return tags
}

/** Hands over id · 2 + predicted, and the byte of confidence. */
export function eachTag(code: Uint8Array, take: (number: number, confidence: number) => void): void {
  for (let at = 0; at < code.length; ) {
    let number = 0
    for (let shift = 0; ; shift += 7) {
      const byte = code[at++]!
      number |= (byte & 127) << shift
      if (byte < 128) break
    }
    take(number, code[at++]!)
  }
}

/** Below 2^31; the place after it. */
function writeVarint(target: Uint8Array, at: number, value: number): number {
  for (; value > 127; value >>>= 7) target[at++] = (value & 127) | 128
  target[at] = value
  return at + 1
}
