/** 256-bit hashes as eight 32-bit words. */

export const CODE_WORDS = 8
export const CODE_BITS = 256

/** Eight words of their own, which do not keep the record's buffer alive. Big-endian, so that bit 0 is the first of the text form. */
export function codeOf(hash: Uint8Array): Uint32Array {
  const view = new DataView(hash.buffer, hash.byteOffset, hash.byteLength)
  return Uint32Array.from({ length: CODE_WORDS }, (_, word) => view.getUint32(word * 4))
}

export function bytesOf(code: Uint32Array): Buffer {
  const hash = Buffer.alloc(code.length * 4)
  code.forEach((word, at) => hash.writeUInt32BE(word, at * 4))
  return hash
}

/** Set bits of a 32-bit word (Warren, "Hacker's Delight", 5-1). */
export function popcount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555)
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** Hamming distance of `code` to the eight words of `codes` from `start`. */
export function distance(code: Uint32Array, codes: Uint32Array, start = 0): number {
  let bits = 0
  for (let word = 0; word < CODE_WORDS; word++) bits += popcount(code[word]! ^ codes[start + word]!)
  return bits
}

/** The same, but any number above `limit` once that is certain: most candidates are told by half of their words. */
export function distanceWithin(code: Uint32Array, codes: Uint32Array, start: number, limit: number): number {
  const half = popcount(code[0]! ^ codes[start]!) + popcount(code[1]! ^ codes[start + 1]!)
    + popcount(code[2]! ^ codes[start + 2]!) + popcount(code[3]! ^ codes[start + 3]!)
  if (half > limit) return half
  return half + popcount(code[4]! ^ codes[start + 4]!) + popcount(code[5]! ^ codes[start + 5]!)
    + popcount(code[6]! ^ codes[start + 6]!) + popcount(code[7]! ^ codes[start + 7]!)
}
