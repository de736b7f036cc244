import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { shortTexts } from '#runtime/avro/short-texts.ts'

test('a text is what its bytes say, whoever had its place before', () => {
  // Few different letters, so that texts come again; far more texts than places.
  const text = fc.oneof(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 24 }), fc.string({ unit: 'grapheme', maxLength: 6 }), fc.nat(1_000_000).map((n) => `tag-${n}`))
  fc.assert(fc.property(text, fc.nat(5), (wanted, before) => {
    const bytes = Buffer.from(`${'x'.repeat(before)}${wanted}y`)
    assert.equal(shortTexts.read(bytes, before, bytes.length - 1), Buffer.from(wanted).toString())
  }), { numRuns: 20_000 })
})

test('bytes that are no UTF-8 become what they become elsewhere', () => {
  assert.equal(shortTexts.read(Buffer.from([0x61, 0xff]), 0, 2), 'a\ufffd')
})
