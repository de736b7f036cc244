import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SHORT_BYTES, shortText } from '#runtime/avro/short-texts.ts'

/** The text that lies after `before` other bytes of some memory, with others behind it. */
function readAt(before: number, text: Buffer): string {
  const memory = Buffer.concat([Buffer.alloc(before, 'x'), text, Buffer.from('yyyy')])
  return shortText(memory, new DataView(memory.buffer, memory.byteOffset, memory.length), before, before + text.length)
}

test('a text is what its bytes say, whoever had its place before', () => {
  // Few different letters, so that texts come again; far more texts than places.
  const text = fc.oneof(fc.string({ unit: fc.constantFrom('a', 'b', '\0'), maxLength: 24 }), fc.string({ unit: 'grapheme', maxLength: 6 }), fc.nat(1_000_000).map((n) => `tag-${n}`))
  fc.assert(fc.property(text.filter((each) => Buffer.byteLength(each) <= SHORT_BYTES), fc.nat(5), (wanted, before) => {
    assert.equal(readAt(before, Buffer.from(wanted)), wanted)
  }), { numRuns: 20_000 })
})

test('texts that differ in one letter or in length are told apart, whatever was read before', () => {
  const texts = Array.from({ length: SHORT_BYTES + 1 }, (_, length) => ['a'.repeat(length), ...Array.from({ length }, (_, at) => `${'a'.repeat(at)}b${'a'.repeat(length - at - 1)}`)]).flat()
  for (const wanted of [...texts, ...texts, ...texts.toReversed()]) assert.equal(readAt(3, Buffer.from(wanted)), wanted)
})

test('bytes that are no UTF-8 become what they become elsewhere', () => {
  assert.equal(readAt(0, Buffer.from([0x61, 0xff])), 'a\ufffd')
  assert.equal(readAt(1, Buffer.from([0x61, 0x62, 0x63, 0x64, 0xff])), 'abcd\ufffd')
})
