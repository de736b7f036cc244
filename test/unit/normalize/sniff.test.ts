import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readHead, sniff } from '#processors/normalize/sniff.ts'

const bytes = (text: string, length = 64): Buffer => Buffer.concat([Buffer.from(text, 'latin1')], length)
const nameOf = (head: Buffer, hint = ''): string | undefined => {
  const format = sniff(head, hint)
  return format && (format.family === 'picture' ? format.name : format.demuxer)
}

test('pictures, videos and sounds are known by their first bytes', () => {
  const heads: [string, string][] = [
    ['\xff\xd8\xff\xe0\0\x10JFIF', 'jpeg'], ['GIF89a', 'gif'], ['II*\0', 'tiff'], ['MM\0*', 'tiff'], ['RIFF....WEBPVP8 ', 'webp'],
    ['RIFF....WAVEfmt ', 'wav'], ['RF64....WAVE', 'wav'], ['RIFF....AVI LIST', 'avi'], ['\x1a\x45\xdf\xa3', 'matroska'], ['OggS', 'ogg'],
    ['fLaC', 'flac'], ['FLV\x01', 'flv'], ['#!AMR\n', 'amr'], ['\0\0\x01\xba', 'mpeg'], ['FORM....AIFF', 'aiff'],
    ['\0\0\0\x20ftypisom', 'mov'], ['\0\0\0\x08wide', 'mov'], ['\0\0\0\x1cftypavif', 'heif'], ['\0\0\0\x18ftypheic', 'heif'],
  ]
  for (const [head, expected] of heads) assert.equal(nameOf(bytes(head)), expected, JSON.stringify(head))
})

test('playlists, vector graphics, documents and scripts are no media', () => {
  for (const head of ['#EXTM3U\nfile:///etc/passwd', 'ffconcat version 1.0', '<?xml version="1.0"?><svg', '<svg xmlns=', '%PDF-1.7', '<MPD xmlns', 'push graphic-context', 'v=0\r\no=-', '']) {
    assert.equal(nameOf(bytes(head)), undefined, head)
  }
})

test('a RIFF word at offset 8 of some other file means nothing', () => {
  assert.equal(nameOf(bytes('ABCDEFGHWEBP')), undefined)
})

test('an animated PNG is told from a still one by a control chunk before its pixels', () => {
  const signature = '\x89PNG\r\n\x1a\n'
  assert.equal(nameOf(bytes(`${signature}\0\0\0\rIHDR.................\0\0\0\x10IDAT`)), 'png')
  assert.equal(nameOf(bytes(`${signature}\0\0\0\rIHDR.................\0\0\0\x08acTL........\0\0\0\0IDAT`)), 'apng')
  assert.equal(nameOf(bytes(`${signature}\0\0\0\rIHDR.................\0\0\0\x10IDAT....acTL`)), 'png')
})

test('a transport stream is found behind junk, with packets of 188 or 192 bytes', () => {
  for (const packetBytes of [188, 192]) {
    const head = Buffer.alloc(2000)
    for (let at = 37; at < head.length; at += packetBytes) head[at] = 0x47
    assert.equal(nameOf(head), 'mpegts')
  }
})

// MPEG-1 Layer III, 128 kbit/s, 44.1 kHz, no padding: 144 × 128,000 / 44,100 = 417 bytes a frame.
const MP3_HEADER = Buffer.from([0xff, 0xfb, 0x90, 0x44])
const mp3 = (padding: number): Buffer => {
  const head = Buffer.alloc(padding + 4 * 417)
  for (let frame = 0; frame < 4; frame++) MP3_HEADER.copy(head, padding + frame * 417)
  return head
}

test('an MP3 is known by three frames in a row, also after padding', () => {
  assert.equal(nameOf(mp3(0)), 'mp3')
  assert.equal(nameOf(mp3(1000)), 'mp3')
})

test('an MP3 whose frames are as long as a transport packet is an MP3', () => {
  // 64 kbit/s at 48 kHz: 144 × 64,000 / 48,000 = 192 bytes a frame, each with the sync byte 0x47 at one place.
  const head = Buffer.alloc(10 * 192)
  for (let at = 0; at < head.length; at += 192) head.set([0xff, 0xfb, 0x54, 0xc0, 0x47], at)
  assert.equal(nameOf(head), 'mp3')
})

test('a transport stream that carries short AAC frames is a transport stream', () => {
  const head = Buffer.alloc(10 * 188)
  for (let packet = 0; packet < head.length; packet += 188) {
    head[packet] = 0x47
    // Frames of 40 = 0b0000000101000 bytes.
    for (let at = packet + 20; at + 40 <= packet + 188; at += 40) head.set([0xff, 0xf1, 0x50, 0x80, 40 >> 3, 0, 0xfc], at)
  }
  assert.equal(nameOf(head), 'mpegts')
})

test('one chance frame header amid other bytes makes no MP3', () => {
  const head = Buffer.alloc(4000, 0x11)
  MP3_HEADER.copy(head, 500)
  assert.equal(nameOf(head), undefined)
})

test('AAC in ADTS is known by three frames in a row', () => {
  // 13 bits of frame length, 100 = 0b0000001100100, from the low 2 bits of byte 3 on.
  const frame = Buffer.alloc(100)
  Buffer.from([0xff, 0xf1, 0x50, 0x80, 100 >> 3, (100 & 7) << 5, 0xfc]).copy(frame)
  assert.equal(nameOf(Buffer.concat([frame, frame, frame, frame])), 'aac')
})

test('the type hint counts only where the bytes say nothing', () => {
  assert.equal(nameOf(Buffer.alloc(64), 'audio/mpeg'), 'mp3')
  assert.equal(nameOf(bytes('GIF89a'), 'audio/mpeg'), 'gif')
  assert.equal(nameOf(Buffer.alloc(64), 'image/svg+xml'), undefined)
  assert.equal(sniff(Buffer.alloc(64), '__proto__'), undefined)
})

test('no run of bytes makes the sniffer throw', async () => {
  const { default: fc } = await import('fast-check')
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (head) => { sniff(Buffer.from(head), 'x') }))
})

test('sound behind a long ID3 tag is seen', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sniff-'))
  try {
    // 100,000 = 6 × 2^14 + 13 × 2^7 + 32, seven bits a byte.
    const tag = Buffer.concat([Buffer.from([0x49, 0x44, 0x33, 3, 0, 0, 0, 6, 13, 32])], 10 + 100_000)
    await writeFile(join(dir, 'a'), Buffer.concat([tag, Buffer.from('fLaC')]))
    assert.equal(nameOf(await readHead(join(dir, 'a'))), 'flac')
  } finally {
    await rm(dir, { recursive: true })
  }
})
