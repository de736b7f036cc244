import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import sharp from 'sharp'
import { Reject } from '#runtime/api.ts'
import { fingerprint } from '#processors/fingerprint/processor.ts'
import type { AssetFingerprinted, AssetNormalized, Normal } from '#schemas'

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

/** Blobs in memory, and a sound's print of the test's choosing. */
function world(...contents: Buffer[]) {
  const known = new Map(contents.map((bytes) => [sha256(bytes).toString('hex'), bytes]))
  return {
    blobs: {
      read: async (address: Buffer) => known.get(address.toString('hex'))!,
      pathOf: (address: Buffer) => `/blobs/${address.toString('hex')}`,
    },
    acoustics: { print: async (path: string) => Buffer.from(path) },
    signal: new AbortController().signal,
  } as never
}

function normalized(normal: Partial<Normal>): AssetNormalized {
  return {
    assetId: 'a',
    submission: { source: 'test', sourceId: null, uri: 'x', sha256: null, tags: [], nsfw: null, attributes: {}, raw: null, submittedAt: 0 },
    content: { sha256: Buffer.alloc(32), bytes: 1, sniffedType: '', declaredType: null, finalUri: '', validator: null },
    normal: {
      version: 1, kind: 'image', width: 300, height: 200, durationMicros: null, orientation: 1, codec: '', frames: [], frameCount: 1,
      audio: null, loudnessLufs: null, thumbnail: null, ...normal,
    },
  }
}

const frameOf = (jpeg: Buffer, ptsMicros = 0) => ({ ptsMicros, blob: sha256(jpeg), width: 30, height: 20 })

async function fingerprintOf(asset: AssetNormalized, context: never): Promise<AssetFingerprinted['fingerprint']> {
  const [record] = await fingerprint.handle!(asset, context)
  return (record!.value as AssetFingerprinted).fingerprint
}

const flat = (colour: string) => sharp({ create: { width: 30, height: 20, channels: 3, background: colour } })

test('copies that differ in metadata only have equal pixels', async () => {
  const plain = await flat('#4080c0').jpeg().toBuffer()
  const described = await flat('#4080c0').withExif({ IFD0: { Copyright: 'someone' } }).jpeg().toBuffer()
  assert.notDeepEqual(plain, described)
  const [a, b] = await Promise.all([plain, described].map((jpeg) => fingerprintOf(normalized({ frames: [frameOf(jpeg)] }), world(jpeg))))
  assert.deepEqual(a!.frames[0]!.pixels, b!.frames[0]!.pixels)
})

test('pixels are hashed after the original\'s width and height, 32 bits each, little-endian', async () => {
  const white = await flat('#ffffff').jpeg().toBuffer()
  const { frames } = await fingerprintOf(normalized({ width: 300, height: 512, frames: [frameOf(white)] }), world(white))
  // 300 = 0x012c, 512 = 0x0200, then 30 x 20 white pixels.
  assert.deepEqual(frames[0]!.pixels, sha256(Buffer.concat([Buffer.from('2c01000000020000', 'hex'), Buffer.alloc(30 * 20 * 3, 255)])))
})

test('every frame of a video is fingerprinted, in order and at its time', async () => {
  const [black, white] = [await flat('#000000').jpeg().toBuffer(), await flat('#ffffff').jpeg().toBuffer()]
  const asset = normalized({ kind: 'video', frames: [frameOf(black, 0), frameOf(white, 2_000_000)] })
  const { frames } = await fingerprintOf(asset, world(black, white))
  assert.deepEqual(frames.map((frame) => frame.ptsMicros), [0, 2_000_000])
  assert.deepEqual(frames.map((frame) => frame.blockhash.toString('hex')), ['00'.repeat(32), 'ff'.repeat(32)])
  assert.deepEqual(frames.map((frame) => frame.quality), [0, 0])
})

test('a grey JPEG is read as one in colour', async () => {
  const grey = await flat('#808080').toColourspace('b-w').jpeg().toBuffer()
  assert.equal((await sharp(grey).metadata()).channels, 1)
  const colour = await flat('#808080').jpeg().toBuffer()
  const [a, b] = await Promise.all([grey, colour].map((jpeg) => fingerprintOf(normalized({ frames: [frameOf(jpeg)] }), world(jpeg))))
  assert.deepEqual(a!.frames[0]!.pixels, b!.frames[0]!.pixels)
})

test('the sound\'s print comes from its normal form', async () => {
  const { acoustic, frames } = await fingerprintOf(normalized({ kind: 'audio', audio: Buffer.alloc(32, 0xab) }), world())
  assert.equal(acoustic!.toString(), `/blobs/${'ab'.repeat(32)}`)
  assert.deepEqual(frames, [])
})

test('a frame that is no picture is rejected', async () => {
  const broken = Buffer.from('no picture')
  await assert.rejects(fingerprintOf(normalized({ frames: [frameOf(broken)] }), world(broken)),
    (error) => error instanceof Reject && error.code === 'fingerprint.undecodable-frame')
})

test('a frame cut short is rejected, not hashed with its grey rest', async () => {
  const noisy = await sharp({ create: { width: 200, height: 200, channels: 3, background: '#000', noise: { type: 'gaussian', mean: 128, sigma: 40 } } }).jpeg().toBuffer()
  const cut = noisy.subarray(0, noisy.length / 2)
  await assert.rejects(fingerprintOf(normalized({ frames: [frameOf(cut)] }), world(cut)),
    (error) => error instanceof Reject && error.code === 'fingerprint.undecodable-frame')
})
