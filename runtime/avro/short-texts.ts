/**
 * Short texts by their bytes. Kinds, codecs, tag names and the like come again in every record: one that was read
 * before is found by a hash of its bytes and compared, which takes a third of making it, leaves nothing to collect, and
 * keeps the hash that maps ask for. The table has a fixed number of places; a newcomer takes its place from who was there.
 *
 * Bytes are taken four at a time, the last four of a text whether or not some were taken before: with its length these
 * words tell it from any other. They are kept beside the text, since a string's own characters cost more to look at.
 */

const PLACE_BITS = 13
const WORDS = 8

/** Longer texts are rarely repeated. */
export const SHORT_BYTES = 4 * (WORDS - 2)

const texts: string[] = new Array<string>(1 << PLACE_BITS).fill('')

/** For each place the text's length and its words. */
const keys = new Int32Array(WORDS << PLACE_BITS)

/** A prime near 2^32 by the golden ratio: the upper bits of a product depend on all of the factor's. */
const SPREAD = 0x9e3779b1

const NOT_ASCII = 0x80808080

/** The UTF-8 text of at most `SHORT_BYTES` from `from` up to `to`; `view` is of the same memory as `bytes`. */
export function shortText(bytes: Buffer, view: DataView, from: number, to: number): string {
  if (from === to) return ''
  const last = to - 4
  let hash = to - from
  let all = 0
  for (let at = from; at < last; at += 4) {
    const word = view.getInt32(at, true)
    all |= word
    hash = Math.imul(hash ^ word, SPREAD)
    hash ^= hash >>> 15
  }
  const lastWord = wordBefore(bytes, view, from, to)
  if (((all | lastWord) & NOT_ASCII) !== 0) return bytes.toString('utf8', from, to)
  const place = Math.imul(hash ^ lastWord, SPREAD) >>> (32 - PLACE_BITS)
  return isAt(place, view, from, to, lastWord) ? texts[place]! : putAt(place, bytes, view, from, to, lastWord)
}

function wordBefore(bytes: Buffer, view: DataView, from: number, to: number): number {
  if (to - from >= 4) return view.getInt32(to - 4, true)
  let word = 0
  for (let at = from; at < to; at++) word = (word << 8) | bytes[at]!
  return word
}

function isAt(place: number, view: DataView, from: number, to: number, lastWord: number): boolean {
  let key = place * WORDS
  if (keys[key] !== to - from) return false
  for (let at = from; at < to - 4; at += 4) if (keys[++key] !== view.getInt32(at, true)) return false
  return keys[++key] === lastWord
}

function putAt(place: number, bytes: Buffer, view: DataView, from: number, to: number, lastWord: number): string {
  let key = place * WORDS
  keys[key] = to - from
  for (let at = from; at < to - 4; at += 4) keys[++key] = view.getInt32(at, true)
  keys[++key] = lastWord
  return (texts[place] = bytes.toString('latin1', from, to))
}
