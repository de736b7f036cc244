/** Asset ids as four words: 16 bytes of memory instead of a string's 60. */
import { Reject } from '#runtime/api.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** @throws Reject `dedupe.bad-asset-id` unless the text is what `textOf` gives back */
export function wordsOf(assetId: string): Uint32Array {
  if (!UUID.test(assetId)) throw new Reject('dedupe.bad-asset-id', 'the asset id is no lower-case UUID')
  const hex = assetId.replaceAll('-', '')
  return Uint32Array.from({ length: 4 }, (_, word) => Number.parseInt(hex.slice(word * 8, word * 8 + 8), 16))
}

export function textOf(id: Uint32Array): string {
  const hex = Array.from(id, (word) => word.toString(16).padStart(8, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
