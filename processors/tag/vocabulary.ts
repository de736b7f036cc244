/** The words that the rules know: raise VOCABULARY whenever this file or `normalise.ts` gives another result. */

export const VOCABULARY = 1

/** Other spellings of a tag. `rating:s` stays as it is: it means safe on some sites and sensitive on others. */
const ALIASES = new Map([
  ['rating:e', 'rating:explicit'],
  ['rating:q', 'rating:questionable'],
  ['rating:g', 'rating:general'],
  ['not_safe_for_work', 'nsfw'],
  ['safe_for_work', 'sfw'],
  ['r-18', 'r18'],
])

/**
 * Tags that judge. `explicit` and `questionable` stand alone in the vocabulary of the WD taggers; their `general` and
 * `sensitive` are left out, being ordinary words elsewhere.
 */
const RATINGS = new Map([
  ['rating:explicit', true],
  ['rating:questionable', true],
  ['explicit', true],
  ['questionable', true],
  ['nsfw', true],
  ['r18', true],
  ['rating:sensitive', false],
  ['rating:general', false],
  ['rating:safe', false],
  ['rating:s', false],
  ['sfw', false],
])

/** A tagger gives every rating some confidence; only one it holds likely counts. */
const RATING_CONFIDENCE = 0.5

export function canonicalName(name: string): string {
  return ALIASES.get(name) ?? name
}

/** What rating tags say of an asset: true when any says so, null when none says anything. */
export function nsfwByTags(tags: readonly { name: string; confidence: number }[]): boolean | null {
  const judgements = tags.filter(({ confidence }) => confidence >= RATING_CONFIDENCE).map(({ name }) => RATINGS.get(name))
  return eitherSays(judgements.includes(true), judgements.includes(false))
}

/** The cautious sum of two judgements: who says yes is believed before who says no. */
export function mostCautious(one: boolean | null, other: boolean | null): boolean | null {
  return eitherSays(one === true || other === true, one === false || other === false)
}

function eitherSays(yes: boolean, no: boolean): boolean | null {
  if (yes) return true
  return no ? false : null
}
