/** Words and tags with the frequencies of real ones. */
import type { Draw } from './draw.ts'

/** Tags of the vocabulary: the few frequent ones make most of what is seen. */
export const VOCABULARY = 12_000

const ONSETS = ['b', 'br', 'c', 'ch', 'd', 'dr', 'f', 'g', 'gr', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'pl', 'r', 's', 'st', 't', 'tr', 'v', 'w']
const RIMES = ['a', 'an', 'ar', 'e', 'el', 'en', 'er', 'i', 'in', 'ing', 'o', 'on', 'or', 'ow', 'u', 'un']

/** Draws of the cumulative distribution: fine enough that the rarest tag (1 in 120,000) still has its share. */
const STEPS = 1 << 20

/** Tag names, the most frequent first; frequent ones are short, as in a language. */
export const TAG_NAMES: readonly string[] = Array.from({ length: VOCABULARY }, (_, rank) => nameOf(rank))

const rankByStep = zipf()

/** A tag's rank: frequency falls as 1 / rank (Zipf). */
export function drawRank(draw: Draw): number {
  return rankByStep[draw.word() >>> 12]!
}

/** Different ranks, in the order in which they were drawn. */
export function drawRanks(draw: Draw, count: number): number[] {
  const ranks: number[] = []
  while (ranks.length < count) {
    const rank = drawRank(draw)
    if (!ranks.includes(rank)) ranks.push(rank)
  }
  return ranks
}

/** Written in syllables, of which there are 384: one for the first ranks, two for the others. */
function nameOf(rank: number): string {
  const base = ONSETS.length * RIMES.length
  const syllable = (index: number): string => ONSETS[index % ONSETS.length]! + RIMES[Math.floor(index / ONSETS.length) % RIMES.length]!
  return rank < base ? syllable(rank) : syllable(Math.floor(rank / base) - 1) + syllable(rank % base)
}

function zipf(): Uint16Array {
  const weights = Array.from({ length: VOCABULARY }, (_, rank) => 1 / (rank + 1))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const ranks = new Uint16Array(STEPS)
  let [step, cumulated] = [0, 0]
  weights.forEach((weight, rank) => {
    cumulated += weight
    const end = Math.round((cumulated / total) * STEPS)
    ranks.fill(rank, step, end)
    step = end
  })
  return ranks
}
