/**
 * Short texts by their bytes. Kinds, codecs, tag names and the like come again in every record: one that was read
 * before is found by a hash of its bytes and compared, which takes a third of making it, leaves nothing to collect, and
 * keeps the hash that maps ask for. The table has a fixed number of places; a newcomer takes its place from who was there.
 */

const PLACES = 1 << 13

const texts: string[] = new Array<string>(PLACES).fill('')

/** Longer texts are rarely repeated. */
const MAX_BYTES = 24

/** The UTF-8 text in `buffer` from `from` up to `to`. */
function read(buffer: Buffer, from: number, to: number): string {
  let sum = to - from
  for (let at = from; at < to; at++) {
    const byte = buffer[at]!
    if (byte > 127) return buffer.toString('utf8', from, to)
    sum = Math.imul(sum, 31) + byte
  }
  const place = (sum ^ (sum >>> 15)) & (PLACES - 1)
  const known = texts[place]!
  return isSame(known, buffer, from, to) ? known : (texts[place] = buffer.toString('latin1', from, to))
}

function isSame(text: string, buffer: Buffer, from: number, to: number): boolean {
  if (text.length !== to - from) return false
  for (let at = from; at < to; at++) if (text.charCodeAt(at - from) !== buffer[at]) return false
  return true
}

export const shortTexts = { MAX_BYTES, read }
