import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import sharp from 'sharp'
import { CODES } from '#processors/normalize/codes.ts'
import type { Decoded } from '#processors/normalize/decoded.ts'
import { DecoderPool } from '#processors/normalize/decoder-pool.ts'
import type { Decoder } from '#processors/normalize/decoder.ts'
import { normalize } from '#processors/normalize/processor.ts'
import { openFileStore } from '#runtime/blobs/file-store.ts'
import type { BlobStore } from '#runtime/blobs/store.ts'
import { systemClock } from '#runtime/clock.ts'
import { Reject } from '#runtime/errors.ts'
import { createLog } from '#runtime/log.ts'
import { runProcessor } from '#runtime/memory/run-processor.ts'
import type { AssetDownloaded, AssetNormalized } from '#schemas'

async function openBlobs(t: TestContext): Promise<BlobStore> {
  const dir = await mkdtemp(join(tmpdir(), 'normalize-'))
  t.after(() => rm(dir, { recursive: true }))
  return openFileStore({ dir, clock: systemClock })
}

function openDecoder(t: TestContext): Decoder {
  const pool = new DecoderPool({ size: 1, clock: systemClock, log: createLog('test', 'silent') })
  t.after(() => pool.close())
  return pool
}

function downloaded(sha256: Buffer, bytes: number, sniffedType: string, id = 1): AssetDownloaded {
  return {
    assetId: `0198f000-0000-7000-8000-00000000000${id}`,
    submission: { source: 'test', sourceId: null, uri: 'blob:x', sha256: null, tags: [], nsfw: null, attributes: {}, raw: null, submittedAt: 0 },
    content: { sha256, bytes, sniffedType, declaredType: null, finalUri: 'blob:x', validator: null },
  }
}

const photo = (): Promise<Buffer> => sharp({ create: { width: 1000, height: 800, channels: 3, background: '#3366cc' } }).jpeg().toBuffer()

test('a picture leaves with its normal form in the blob store and all earlier facts kept', async (t) => {
  const blobs = await openBlobs(t)
  const bytes = await photo()
  const asset = downloaded(await blobs.put(bytes), bytes.length, 'image/jpeg')
  const { written, dead } = await runProcessor(normalize, [asset], { services: { blobs, decoder: openDecoder(t) } })
  assert.deepEqual(dead, [])
  const [out] = written['asset.normalized'] as AssetNormalized[]
  assert.equal(out!.assetId, asset.assetId)
  assert.deepEqual(out!.content.sha256, asset.content.sha256)
  const { kind, width, height, codec, orientation, frames, frameCount, audio, loudnessLufs, durationMicros, thumbnail } = out!.normal
  assert.deepEqual({ kind, width, height, codec, orientation, frameCount, audio, loudnessLufs, durationMicros },
    { kind: 'image', width: 1000, height: 800, codec: 'jpeg', orientation: 1, frameCount: 1, audio: null, loudnessLufs: null, durationMicros: null })
  assert.deepEqual([frames.length, frames[0]!.width, frames[0]!.height, frames[0]!.ptsMicros], [1, 420, 336, 0])
  assert.deepEqual(thumbnail, frames[0]!.blob)
  const stored = await sharp(await blobs.read(frames[0]!.blob)).metadata()
  assert.deepEqual([stored.format, stored.width, stored.height, stored.chromaSubsampling], ['jpeg', 420, 336, '4:4:4'])
})

test('the same asset again gives the same fact', async (t) => {
  const blobs = await openBlobs(t)
  const bytes = await photo()
  const asset = downloaded(await blobs.put(bytes), bytes.length, 'image/jpeg')
  const { records } = await runProcessor(normalize, [asset, asset], { services: { blobs, decoder: openDecoder(t) } })
  const [one, two] = records['asset.normalized']!
  assert.ok(one!.value!.equals(two!.value!))
})

test('what the content is decides, not what it was said to be', async (t) => {
  const blobs = await openBlobs(t)
  const bytes = await photo()
  const { written } = await runProcessor(normalize, [downloaded(await blobs.put(bytes), bytes.length, 'video/mp4')], { services: { blobs, decoder: openDecoder(t) } })
  assert.equal(written['asset.normalized']![0].normal.kind, 'image')
})

test('a refused file becomes a dead letter with its code, and its neighbours go on', async (t) => {
  const blobs = await openBlobs(t)
  const bytes = await photo()
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>')
  const assets = [
    downloaded(await blobs.put(svg), svg.length, 'image/svg+xml', 1),
    downloaded(await blobs.put(bytes), bytes.length, 'image/jpeg', 2),
    downloaded(await blobs.put(bytes.subarray(0, 2000)), 2000, 'image/jpeg', 3),
  ]
  const { written, dead } = await runProcessor(normalize, assets, { services: { blobs, decoder: openDecoder(t) } })
  assert.deepEqual(written['asset.normalized']!.map(({ assetId }) => assetId), [assets[1]!.assetId])
  assert.deepEqual(dead.map(({ code }) => code).sort(), ['normalize.truncated', 'normalize.unsupported-format'])
  for (const { code } of dead) assert.ok(code in CODES)
})

test('a sound has no frames, and its loudness is as exact as the wire', async (t) => {
  const blobs = await openBlobs(t)
  const sha256 = await blobs.put(Buffer.from('any'))
  const decoded: Decoded = {
    kind: 'audio', width: null, height: null, durationMicros: 5, orientation: 1, codec: 'mp3', frames: [], frameCount: null, thumbnail: null,
    flac: Buffer.from('fLaC…'), loudnessLufs: -23.1,
  }
  const decoder: Decoder = { decode: async () => decoded, close: () => undefined }
  const { written } = await runProcessor(normalize, [downloaded(sha256, 3, 'audio/mpeg')], { services: { blobs, decoder } })
  const { normal } = written['asset.normalized']![0] as AssetNormalized
  assert.deepEqual(await blobs.read(normal.audio!), Buffer.from('fLaC…'))
  assert.equal(normal.loudnessLufs, Math.fround(-23.1))
  assert.deepEqual([normal.frames, normal.thumbnail], [[], null])
})

test('the decoder is given the blob\'s path and what was sniffed before', async (t) => {
  const blobs = await openBlobs(t)
  const sha256 = await blobs.put(Buffer.from('any'))
  const asked: string[] = []
  const decoder: Decoder = {
    decode: async (path, typeHint) => { asked.push(path, typeHint); throw new Reject('normalize.corrupt', 'as asked') },
    close: () => undefined,
  }
  await runProcessor(normalize, [downloaded(sha256, 3, 'audio/mpeg')], { services: { blobs, decoder } })
  assert.deepEqual(asked, [blobs.pathOf(sha256), 'audio/mpeg'])
})
