import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bornMsOf, checkSubmission, factsOf, InvalidSubmissionError, type Submission } from '#client/submission.ts'

const NOW_MS = Date.UTC(2026, 10, 21)
/** RFC 9562, appendix A.6: made at 2022-02-22T19:22:22Z. */
const RFC_ID = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'

const check = (submission: Submission): void => checkSubmission({ source: 'shop', ...submission }, NOW_MS)
const wrong = (field: string, submission: Submission): void => {
  assert.throws(() => check(submission), (error) => error instanceof InvalidSubmissionError && error.field === field, `${field} was not refused`)
}

test('a submission needs exactly one place where its bytes are', () => {
  wrong('uri', {})
  wrong('uri', { uri: 'https://example.org/a.jpg', path: 'a.jpg' })
  check({ uri: 'https://example.org/a.jpg' })
  check({ path: 'a.jpg' })
  check({ bytes: Buffer.from('x') })
})

test('a URI is of a scheme that the pipeline fetches, and carries no credentials', () => {
  for (const uri of ['ftp://example.org/a', 'a.jpg', 'javascript:alert(1)', 'https://', `https://example.org/${'a'.repeat(9_000)}`]) wrong('uri', { uri })
  wrong('uri', { uri: 'https://user:secret@example.org/a.jpg' })
  wrong('uri', { uri: 'blob:abc' })
  check({ uri: `blob:${'0a'.repeat(32)}` })
  check({ uri: 'file:///media/a.jpg' })
})

test('text that Postgres or other readers cannot keep is refused', () => {
  wrong('source', { uri: 'https://example.org/', source: '' })
  wrong('sourceId', { uri: 'https://example.org/', sourceId: 'a\0b' })
  wrong('sourceId', { uri: 'https://example.org/', sourceId: 'half of a pair \ud800' })
  wrong('attributes.size', { uri: 'https://example.org/', attributes: { size: 7 as unknown as string } })
})

test('tags are names, or names with a confidence from 0 to 1', () => {
  check({ uri: 'https://example.org/', tags: ['cat', { name: 'dog', confidence: 0 }] })
  wrong('tags[1]', { uri: 'https://example.org/', tags: ['cat', { name: 'dog', confidence: 1.5 }] })
  wrong('tags[0]', { uri: 'https://example.org/', tags: [{ name: 'dog', confidence: NaN }] })
  wrong('tags', { uri: 'https://example.org/', tags: Array.from({ length: 1_001 }, () => 'cat') })
})

test('raw JSON is bounded by its bytes, not by its characters', () => {
  check({ uri: 'https://example.org/', raw: 'ä'.repeat(32_768) })
  wrong('raw', { uri: 'https://example.org/', raw: 'ä'.repeat(32_769) })
})

test('the event time lies within the last day, and not before the time of a given id', () => {
  const dayMs = 24 * 3600 * 1000
  check({ uri: 'https://example.org/', submittedAtMs: NOW_MS - dayMs })
  wrong('submittedAtMs', { uri: 'https://example.org/', submittedAtMs: NOW_MS - dayMs - 1 })
  wrong('submittedAtMs', { uri: 'https://example.org/', submittedAtMs: NOW_MS + 60_001 })
  wrong('submittedAtMs', { uri: 'https://example.org/', submittedAtMs: NOW_MS + 0.5 })
  const justMade = `${(NOW_MS).toString(16).padStart(12, '0').replace(/^(.{8})/, '$1-')}-7000-8000-000000000000`
  wrong('submittedAtMs', { uri: 'https://example.org/', assetId: justMade, submittedAtMs: NOW_MS - 60_001 })
})

test('an asset id is a UUID of version 7', () => {
  check({ uri: 'https://example.org/', assetId: RFC_ID })
  wrong('assetId', { uri: 'https://example.org/', assetId: '919108f7-52d1-4320-9bac-f847db4148a8' })
  wrong('assetId', { uri: 'https://example.org/', assetId: 'holiday' })
})

test('an id tells when it was made', () => {
  assert.equal(bornMsOf(RFC_ID), Date.UTC(2022, 1, 22, 19, 22, 22))
})

test('what was not said is null or empty in the facts', () => {
  assert.deepEqual(factsOf({ uri: 'https://example.org/', source: 'shop' }, NOW_MS), {
    source: 'shop', sourceId: null, uri: 'https://example.org/', sha256: null, tags: [], nsfw: null, attributes: {}, raw: null, submittedAt: NOW_MS,
  })
})

test('a hash may be given as text or bytes and comes out as the same 32 bytes', () => {
  const bytes = Buffer.alloc(32, 0xab)
  assert.deepEqual(factsOf({ uri: 'x:', sha256: 'ab'.repeat(32) }, 0).sha256, bytes)
  assert.deepEqual(factsOf({ uri: 'x:', sha256: bytes }, 0).sha256, bytes)
  wrong('sha256', { uri: 'https://example.org/', sha256: 'ab' })
  wrong('sha256', { uri: 'https://example.org/', sha256: 'z'.repeat(64) })
})
