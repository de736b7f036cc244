/**
 * Tags of a row: per tag a varint (LEB128) of tag id · 2 + predicted, and a byte of confidence in 1/255. Best first.
 *
 * Until the database's ids are known, ids are numbers that names have in this process.
 */
import { Reject } from '#runtime/api.ts'
import type { Tag } from '#schemas'

/** A row keeps the best of its tags: 255 are about 900 bytes. */
export const MAX_TAGS = 255

/** Five of the number, below 2^31, and one of the confidence. */
const MAX_TAG_BYTES = 6

/** Where tags are coded, to be copied from there at once: a buffer for each row is more work than its ten tags. */
const scratch = new Uint8Array(MAX_TAGS * MAX_TAG_BYTES)

/**
 * The first of the tags; the bytes stand until the next call of a function here. `idOf` gives a name's number, up to
 * 2^30 - 1. @throws Reject `store.unknown-kind`
 */
export function encodeTags(tags: readonly Tag[], idOf: (name: string) => number): Uint8Array {
  const count = Math.min(tags.length, MAX_TAGS)
  let end = 0
  for (let n = 0; n < count; n++) {
    const { name, confidence, origin } = tags[n]!
    end = writeTag(end, idOf(name) * 2 + predictedBit(origin), Math.round(Math.min(Math.max(confidence, 0), 1) * 255))
  }
  return scratch.subarray(0, end)
}

/** Tags that lie in `bytes`, with other numbers: the id of number n is `ids[n]`. The result stands until the next call of a function here. */
export function recodeTags(bytes: Uint8Array, from: number, to: number, ids: readonly number[]): Uint8Array {
  let end = 0
  eachTag(bytes, from, to, (number, confidence) => {
    end = writeTag(end, ids[number >>> 1]! * 2 + (number & 1), confidence)
  })
  return scratch.subarray(0, end)
}

/** Hands over id · 2 + predicted, and the byte of confidence. */
export function eachTag(bytes: Uint8Array, from: number, to: number, take: (number: number, confidence: number) => void): void {
  for (let at = from; at < to; ) {
    let number = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      number |= (byte & 127) << shift
      if (byte < 128) break
    }
    take(number, bytes[at++]!)
  }
}

function predictedBit(origin: string): 0 | 1 {
  if (origin === 'claimed') return 0
  if (origin === 'predicted') return 1
  throw new Reject('store.unknown-kind', `A tag's origin is ${JSON.stringify(origin.slice(0, 40))}.`)
}

/** A number below 2^31; the place after the tag. */
function writeTag(at: number, number: number, confidence: number): number {
  let rest = number
  for (; rest > 127; rest >>>= 7) scratch[at++] = (rest & 127) | 128
  scratch[at++] = rest
  scratch[at++] = confidence
  return at
}
