/** Tags as producers really write them: mixed case, spaces, doubled, and now and then invalid. */
import type { Family } from './families/index.ts'
import type { ClaimedTag } from './item.ts'

const WORDS: Record<Family, readonly string[]> = {
  landscape: ['Landscape', 'mountains', 'Blue  Sky', 'nature'],
  city: ['City', 'night', 'Skyline', 'LIGHTS'],
  flower: ['Flower', 'blossom', 'pink', ' Garden '],
  cloth: ['Textile', 'plaid', 'pattern', 'Woven'],
  stone: ['stone', 'Texture', 'grey', 'Gravel'],
  reef: ['Underwater', 'fish', 'Sea', 'coral reef'],
}

/** Each breaks a rule of the tag stage, which counts and drops it. (The client itself refuses worse ones.) */
const INVALID: readonly ClaimedTag[] = [
  { name: '   ', confidence: 0.9 },
  { name: 'endless '.repeat(20).trim(), confidence: 0.5 },
  { name: 'bell\u0007', confidence: 0.8 },
]

/** Two in three pictures of a family have tags; the fifth of each family brings an invalid one too. */
export function tagsFor(family: Family, index: number): ClaimedTag[] {
  if (index % 3 === 2) return []
  const words = WORDS[family]
  const tags = words.slice(0, 2 + (index % 3)).map((name, n) => ({ name, confidence: Math.round((0.95 - n * 0.17 - index * 0.01) * 100) / 100 }))
  if (index !== 4) return tags
  const invalid = INVALID[Object.keys(WORDS).indexOf(family) % INVALID.length]!
  return [...tags, { name: words[0]!.toUpperCase(), confidence: 0.4 }, invalid]
}
