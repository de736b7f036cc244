import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flacSamples, parseLoudness } from '#processors/normalize/sound.ts'
import { matroskaSaysEncrypted, mp4SaysEncrypted } from '#processors/normalize/encryption.ts'

test('the number of samples is read from a FLAC file\'s stream information', () => {
  const flac = Buffer.alloc(42)
  flac.write('fLaC', 'latin1')
  flac[21] = 0xf1 // the upper four bits are sample depth
  flac.writeUInt32BE(16_000, 22)
  assert.equal(flacSamples(flac), 2 ** 32 + 16_000)
  assert.equal(flacSamples(Buffer.alloc(10)), 0)
})

test('loudness is the summary\'s, and none for silence or what is too short', () => {
  const summary = (value: string): string[] => ['[ebur128] Summary:', '', '  Integrated loudness:', `    I:         ${value} LUFS`, '    Threshold: -33.2 LUFS']
  assert.equal(parseLoudness(summary('-23.0')), -23)
  assert.equal(parseLoudness(summary('-70.0')), null)
  assert.equal(parseLoudness(summary('nan')), null)
  assert.equal(parseLoudness(['nothing']), null)
})

test('Common Encryption and WebM encryption are seen in the container\'s description', () => {
  assert.equal(mp4SaysEncrypted(Buffer.from('moov..stsd..encv..sinf..frmaavc1..schm..cenc')), true)
  assert.equal(mp4SaysEncrypted(Buffer.from('moov..stsd..avc1..encv as a title')), false)
  // ContentEncodings (size 9), ContentEncoding (size 6), ContentEncryption (size 0) …
  assert.equal(matroskaSaysEncrypted(Buffer.from([0x1a, 0x45, 0x6d, 0x80, 0x89, 0x62, 0x40, 0x86, 0x50, 0x35, 0x80])), true)
  // The same with ContentCompression (5034) instead.
  assert.equal(matroskaSaysEncrypted(Buffer.from([0x1a, 0x45, 0x6d, 0x80, 0x89, 0x62, 0x40, 0x86, 0x50, 0x34, 0x80])), false)
})
