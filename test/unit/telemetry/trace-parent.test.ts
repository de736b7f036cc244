import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { childTraceparent, formatTraceparent, parseTraceparent, traceIdIn } from '#runtime/telemetry/trace-parent.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const VALID = `00-${TRACE}-${SPAN}-01`

/** The grammar of W3C Trace Context, section 3.2.2, with what a later version adds; up to 128 characters, as we bound it. */
const GRAMMAR = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/s

test('a header is read as the standard has it', () => {
  assert.deepEqual(parseTraceparent(VALID), { traceId: Buffer.from(TRACE, 'hex'), spanId: Buffer.from(SPAN, 'hex'), sampled: true })
  assert.equal(formatTraceparent(parseTraceparent(VALID)!), VALID)
  assert.equal(traceIdIn(Buffer.from(VALID))?.toString('hex'), TRACE)
})

test('only the last bit of the flags says that a trace is sampled', () => {
  // 02 and 00 have it not; 03 and ff have it, as unknown flags may be set besides.
  assert.deepEqual(['00', '01', '02', '03', 'ff'].map((flags) => parseTraceparent(VALID.slice(0, -2) + flags)?.sampled), [false, true, false, true, true])
})

const REFUSED: Record<string, string> = {
  'nothing': '',
  'a trace of zeros': `00-${'0'.repeat(32)}-${SPAN}-01`,
  'a span of zeros': `00-${TRACE}-${'0'.repeat(16)}-01`,
  'the version that is none': `ff-${TRACE}-${SPAN}-01`,
  'capital letters': VALID.toUpperCase(),
  'a character whose low byte is a digit': VALID.replace('a', 'š'),
  'one digit too few': VALID.slice(0, -1),
  'one digit too many': `${VALID}0`,
  'another separator': VALID.replaceAll('-', '_'),
  'more than 128 characters': `${VALID}-${'x'.repeat(128 - VALID.length)}`,
}

for (const [what, header] of Object.entries(REFUSED)) {
  test(`no trace is read from ${what}`, () => {
    assert.equal(parseTraceparent(header), null)
    assert.equal(parseTraceparent(Buffer.from(header)), null)
    assert.equal(traceIdIn(Buffer.from(header)), null)
    assert.equal(childTraceparent(Buffer.from(header), SPAN), null)
  })
}

test('what a later version adds is no harm', () => {
  assert.equal(childTraceparent(Buffer.from(`cc-${TRACE}-${SPAN}-01-what-comes-later`), '00f067aa0ba902b7'), `00-${TRACE}-00f067aa0ba902b7-01`)
})

test('any header is taken or refused as the grammar says', () => {
  const anyChange = fc.tuple(fc.nat(VALID.length), fc.nat(2), fc.constantFrom('', '0', 'f', 'g', 'A', '-', '-x', '\n', 'é', '0'.repeat(16)))
  fc.assert(fc.property(fc.array(anyChange, { maxLength: 3 }), (changes) => {
    const header = changes.reduce((text, [at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut), VALID)
    assert.equal(parseTraceparent(header) !== null, GRAMMAR.test(header), JSON.stringify(header))
  }))
})
