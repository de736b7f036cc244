/** tag gives up on no record: what is wrong with a tag is counted in the record itself, under these reasons. */
export const CODES = {
  'tag.control-character': 'A tag held a control character, a bidirectional override or half a character, and was dropped.',
  'tag.empty': 'A tag was empty once white space was removed, and was dropped.',
  'tag.too-long': 'A tag was longer than 100 bytes of UTF-8, and was dropped.',
  'tag.too-many': 'An asset had more than 256 tags; those of least confidence were dropped.',
  'tag.bad-confidence': 'The confidence of a tag was not a number from 0 to 1; the tag was dropped.',
} as const
