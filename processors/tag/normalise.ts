/** From tags as people and models write them to tags that can be compared. */
import type { Tag } from '#schemas'
import type { CODES } from './codes.ts'
import { canonicalName } from './vocabulary.ts'

export type DropReason = keyof typeof CODES extends `tag.${infer Reason}` ? Reason : never

export interface NormalisedTags {
  /** Best first; equal confidence by name, in the order of UTF-16 code units. */
  tags: Tag[]
  dropped: Record<string, number>
}

const MAX_TAGS = 256
const MAX_NAME_BYTES = 100
/** A name this long is not worth normalising: NFKC may make it eighteen times longer still. */
const MAX_RAW_CHARACTERS = 1_000

/**
 * Control characters, lone surrogates, zero-width space and word joiner, and what changes the direction of the text
 * around it. Joiners (U+200C, U+200D) stay: scripts and emoji need them.
 */
const FORBIDDEN = /[\p{Cc}\p{Cs}\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u

/**
 * One tag for each name, with the highest confidence anyone gave it; at equal confidence the first one stays. Any
 * number of tags from any origin may be given; at most 256 come back.
 */
export function normaliseTags(claims: readonly Tag[]): NormalisedTags {
  const best = new Map<string, Tag>()
  const dropped = new Map<DropReason, number>()
  const drop = (reason: DropReason, count = 1) => dropped.set(reason, (dropped.get(reason) ?? 0) + count)
  for (const claim of claims) {
    const name = normalName(claim.name)
    if (typeof name !== 'string') drop(name.refused)
    else if (!(claim.confidence >= 0 && claim.confidence <= 1)) drop('bad-confidence')
    else if (!(claim.confidence <= (best.get(name)?.confidence ?? -1))) best.set(name, { ...claim, name })
  }
  const tags = [...best.values()].sort(byConfidence)
  if (tags.length > MAX_TAGS) drop('too-many', tags.length - MAX_TAGS)
  return { tags: tags.slice(0, MAX_TAGS), dropped: Object.fromEntries([...dropped].sort(([a], [b]) => (a < b ? -1 : 1))) }
}

/**
 * Unicode NFKC, lower case, white space to one underscore; underscores that were written stay, since `>_<` is a tag.
 * Lower-casing can leave a form that NFKC changes again, so it is applied twice: the result is stable.
 */
export function normalName(raw: string): string | { refused: DropReason } {
  if (raw.length > MAX_RAW_CHARACTERS) return { refused: 'too-long' }
  const name = raw.normalize('NFKC').toLowerCase().normalize('NFKC').trim().replace(/\s+/gu, '_')
  if (name === '') return { refused: 'empty' }
  if (FORBIDDEN.test(name)) return { refused: 'control-character' }
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return { refused: 'too-long' }
  return canonicalName(name)
}

function byConfidence(a: Tag, b: Tag): number {
  return b.confidence - a.confidence || (a.name < b.name ? -1 : 1)
}
