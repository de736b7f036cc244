import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import sharp from 'sharp'
import { Reject, RetryLater, type BlobStore } from '#runtime/api.ts'
import type { Config } from '#runtime/config.ts'
import { createLog } from '#runtime/log.ts'
import type { AssetDeduplicated, AssetEmbedded, Embedding } from '#schemas'
import { agreeingSizes } from '#processors/embed/batch-sizes.ts'
import { Batcher } from '#processors/embed/batcher.ts'
import { openEncoder, type Encoder } from '#processors/embed/encoder.ts'
import { pooled, unitHalf } from '#processors/embed/half.ts'
import { pixelsOf, resizePlan } from '#processors/embed/pictures.ts'
import { embed } from '#processors/embed/processor.ts'
import { VectorSegments } from '#processors/embed/vector-segments.ts'
import { CLIP_PREPROCESSING } from '../../../models/card.ts'

let dir: string
before(async () => { dir = await mkdtemp(join(tmpdir(), 'sluice-embed-')) })
after(() => rm(dir, { recursive: true }))

const log = createLog('test', 'silent')

describe('half precision', () => {
  const hex = (numbers: number[]) => unitHalf(numbers)?.toString('hex')

  test('a unit vector is written in little-endian IEEE 754', () => {
    // 1 is 0x3c00, 0.6 rounds to 0x38cd, -0.8 to 0xba66.
    assert.equal(hex([5]), '003c')
    assert.equal(hex([3, -4]), 'cd3866ba')
  })

  test('a tie goes to the even neighbour', () => {
    // Just below 1 the spacing is 2^-11: 1 - 2^-12 lies between 0x3bff and 0x3c00. The second number makes the length 1.
    const tie = 1 - 2 ** -12
    assert.equal(hex([tie, Math.sqrt(1 - tie * tie)])!.slice(0, 4), '003c')
  })

  test('what has no direction has no vector', () => {
    for (const vector of [[0, 0], [NaN, 1], [Infinity, 0], []]) assert.equal(unitHalf(vector), undefined)
  })

  test('the pooled vector is the direction of the mean, and opposite vectors have none', () => {
    const [right, up, left] = [[1, 0], [0, 1], [-1, 0]].map((vector) => unitHalf(vector)!) as [Buffer, Buffer, Buffer]
    assert.deepEqual(pooled([right, up]), unitHalf([1, 1]))
    assert.equal(pooled([right, left]), undefined)
    assert.equal(pooled([]), undefined)
  })

  test('vectors at odd addresses are pooled alike', () => {
    const vector = unitHalf([1, 2, 3])!
    const shifted = Buffer.concat([Buffer.of(9), vector]).subarray(1)
    assert.deepEqual(pooled([shifted]), vector)
  })
})

describe('preparing a picture', () => {
  test('short side to 224, the centred square is taken, as torchvision does', () => {
    // 500 x 375: 224 / 375 * 500 = 298.67, cut to 298; (298 - 224) / 2 = 37.
    assert.deepEqual(resizePlan(500, 375, CLIP_PREPROCESSING), {
      source: { left: 0, top: 0, width: 500, height: 375 },
      resized: { width: 298, height: 224 },
      square: { left: 37, top: 0, width: 224, height: 224 },
    })
  })

  test('a half goes to the even pixel, as in Python', () => {
    // 225 wide: 0.5 becomes 0. 227 wide: 1.5 becomes 2.
    assert.equal(resizePlan(225, 224, CLIP_PREPROCESSING).square.left, 0)
    assert.equal(resizePlan(227, 224, CLIP_PREPROCESSING).square.left, 2)
  })

  test('a line of 4,096 x 1 pixels is not resized to a million', () => {
    const { resized } = resizePlan(4_096, 1, CLIP_PREPROCESSING)
    assert.deepEqual(resized, { width: 896, height: 224 })
  })

  test('squashing takes the whole picture', () => {
    const { source, resized } = resizePlan(500, 375, { ...CLIP_PREPROCESSING, fit: 'squash' })
    assert.deepEqual([source.width, source.height, resized], [500, 375, { width: 224, height: 224 }])
  })

  for (const channels of [1, 3, 4] as const) {
    test(`a picture of ${channels} channels becomes three planes`, async () => {
      const background = { r: 255, g: 0, b: 51, alpha: 1 }
      const image = sharp({ create: { width: 40, height: 30, channels: channels === 4 ? 4 : 3, background } })
      const picture = await (channels === 1 ? image.greyscale() : image).png().toBuffer()
      const pixels = await pixelsOf(picture, { ...CLIP_PREPROCESSING, mean: [0, 0, 0], std: [1, 1, 1] })
      assert.equal(pixels.length, 3 * 224 * 224)
      if (channels === 1) assert.equal(pixels[0], pixels[2 * 224 * 224])
      else assert.deepEqual([0, 1, 2].map((plane) => Math.round(pixels[plane * 224 * 224]! * 255)), [255, 0, 51])
    })
  }

  test('what is no picture is refused', async () => {
    await assert.rejects(pixelsOf(Buffer.from('no picture'), CLIP_PREPROCESSING))
  })
})

describe('batch sizes that agree', () => {
  const sumOf = (picture: Float32Array) => picture.reduce((sum, number) => Math.fround(sum + number), 0)
  const backwards = (picture: Float32Array) => picture.reduceRight((sum, number) => Math.fround(sum + number), 0)
  const model = (orderOf: (batch: number, place: number) => (picture: Float32Array) => number) =>
    async (pictures: readonly Float32Array[]) => pictures.map((picture, i) => Float32Array.of(orderOf(pictures.length, i)(picture)))

  test('are all of them for a model that adds in one order', async () => {
    assert.deepEqual(await agreeingSizes(model(() => sumOf), 600), [1, 2, 4, 8, 16])
  })

  test('leave out the single picture when it alone is added in another order', async () => {
    assert.deepEqual(await agreeingSizes(model((batch) => (batch === 1 ? backwards : sumOf)), 600), [2, 4, 8, 16])
  })

  test('end where the order changes', async () => {
    assert.deepEqual(await agreeingSizes(model((batch) => (batch >= 8 ? backwards : sumOf)), 600), [1, 2, 4])
  })

  test('are single pictures only when the place in the batch matters', async () => {
    assert.deepEqual(await agreeingSizes(model((_, place) => (place % 2 ? backwards : sumOf)), 600), [1])
  })

  test('are single pictures only when the model takes no more, and a broken model is reported', async () => {
    const single = async (pictures: readonly Float32Array[]) => {
      if (pictures.length > 1) throw new Error('shape')
      return [Float32Array.of(sumOf(pictures[0]!))]
    }
    assert.deepEqual(await agreeingSizes(single, 600), [1])
    await assert.rejects(agreeingSizes(async () => { throw new Error('broken') }, 600), /broken/)
  })
})

describe('the batcher', () => {
  const picture = (number: number) => Float32Array.of(number)

  test('runs what waits together, in sizes that agree, and gives each its own vector', async () => {
    const batches: number[] = []
    const batcher = new Batcher(async (pictures) => { batches.push(pictures.length); return pictures.map((p) => p.map((x) => x * 10)) }, [1, 2, 4, 8, 16])
    const vectors = await Promise.all(Array.from({ length: 23 }, (_, i) => batcher.vectorOf(picture(i))))
    assert.deepEqual(vectors.map(([number]) => number), Array.from({ length: 23 }, (_, i) => i * 10))
    assert.deepEqual(batches, [16, 4, 2, 1])
  })

  test('fills up a batch that is too small', async () => {
    const batches: number[] = []
    const batcher = new Batcher(async (pictures) => { batches.push(pictures.length); return [...pictures] }, [2, 4])
    assert.deepEqual(await Promise.all([7, 8, 9].map((n) => batcher.vectorOf(picture(n)))), [7, 8, 9].map(picture))
    assert.deepEqual(batches, [2, 2])
  })

  test('a failed batch fails those in it, and the next one runs', async () => {
    let runs = 0
    const batcher = new Batcher(async (pictures) => { if (runs++ === 0) throw new Error('memory'); return [...pictures] }, [1])
    const [first, second] = await Promise.allSettled([batcher.vectorOf(picture(1)), batcher.vectorOf(picture(2))])
    assert.deepEqual([first.status, second.status], ['rejected', 'fulfilled'])
  })
})

describe('vectors on disk', () => {
  const frame = (i: number) => createHash('sha256').update(`frame ${i}`).digest()
  const vector = (i: number) => Buffer.from([i & 255, i >> 8, 1, 2])

  test('are found after a restart, in two files a process', async () => {
    const folder = join(dir, 'segments')
    for (const from of [0, 100]) {
      const segments = await VectorSegments.open(folder, 4)
      for (let i = from; i < from + 100; i++) await segments.append(frame(i), vector(i))
      await segments.close()
    }
    const segments = await VectorSegments.open(folder, 4)
    for (let i = 0; i < 200; i++) assert.deepEqual(await segments.read(frame(i)), vector(i))
    assert.equal(await segments.read(frame(200)), undefined)
    await segments.close()
    assert.equal((await readdir(folder)).length, 4)
  })

  test('that a crash cut off or damaged are not found, the others are', async () => {
    const folder = join(dir, 'crash')
    const writer = await VectorSegments.open(folder, 4)
    for (let i = 0; i < 3; i++) await writer.append(frame(i), vector(i))
    await writer.close()
    const [keys, vectors] = ['.keys', '.vectors'].map(async (end) => join(folder, (await readdir(folder)).find((name) => name.endsWith(end))!))
    await truncate((await keys)!, 36 * 2 + 20)
    await writeFile((await vectors)!, Buffer.concat([vector(0), Buffer.from([9, 9, 9, 9])]))
    const segments = await VectorSegments.open(folder, 4)
    assert.deepEqual(await Promise.all([0, 1, 2].map((i) => segments.read(frame(i)))), [vector(0), undefined, undefined])
    await segments.close()
  })

  test('a process whose files are removed by another goes on', async () => {
    const folder = join(dir, 'removed')
    const segments = await VectorSegments.open(folder, 4)
    for (let i = 0; i < 64; i++) await segments.append(frame(i), vector(i))
    await rm(folder, { recursive: true })
    await assert.rejects(segments.read(frame(1)), { code: 'ENOENT' })
    await assert.rejects(segments.append(frame(99), vector(99)).then(() => segments.flush()), { code: 'ENOENT' })
    await segments.close()
  })
})

describe('the stage', () => {
  let encoder: Encoder
  const pictures = new Map<string, Buffer>()
  const reads: string[] = []
  const blobs = {
    async read(sha256: Buffer) {
      reads.push(sha256.toString('hex'))
      const bytes = pictures.get(sha256.toString('hex'))
      if (bytes === undefined) throw new Reject('blob.missing', 'not there')
      if (bytes.length === 0) throw Object.assign(new Error('input/output error'), { code: 'EIO' })
      return bytes
    },
  } as unknown as BlobStore

  const configOf = (folder: string, model = 'descriptor-512') =>
    ({ model, modelsDir: join(dir, 'models'), blobsDir: join(dir, folder, 'blobs'), inferenceThreads: 1 }) as Config

  before(async () => { encoder = await openEncoder({ config: configOf('stage'), log }) })
  after(() => encoder.close())

  async function pictureOf(hue: number): Promise<Buffer> {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="240"><rect width="320" height="240" fill="hsl(${hue},70%,40%)"/><circle cx="${60 + hue % 200}" cy="120" r="60" fill="hsl(${hue + 90},80%,60%)"/></svg>`
    return add(await sharp(Buffer.from(svg)).jpeg().toBuffer())
  }

  function add(bytes: Buffer, name: Buffer = bytes): Buffer {
    const sha256 = createHash('sha256').update(name).digest()
    pictures.set(sha256.toString('hex'), bytes)
    return sha256
  }

  function asset(kind: string, canonicalFrames: Buffer[], frames: Buffer[] = canonicalFrames): AssetDeduplicated {
    return { assetId: 'a', normal: { kind, frames: frames.map((blob) => ({ blob })) }, verdict: { canonicalFrames } } as unknown as AssetDeduplicated
  }

  async function embeddings(assets: AssetDeduplicated[], by: Encoder = encoder): Promise<(Embedding | null | string)[]> {
    const results = await embed.handleMany!(assets, { blobs, encoder: by } as never)
    return results.map((result) => (Array.isArray(result) ? (result[0]!.value as AssetEmbedded).embedding : `${result.name} ${result.code}`))
  }

  test('a picture has one unit vector, its model and the hash of the model\'s file', async () => {
    const [embedding] = await embeddings([asset('image', [await pictureOf(10)])]) as Embedding[]
    assert.equal(embedding!.model, 'descriptor-512')
    assert.equal(embedding!.vector.length, 1_024)
    assert.deepEqual(embedding!.frames, [])
    assert.equal(embedding!.weightsSha256.toString('hex'), encoder.card.sha256)
    assert.deepEqual(pooled([embedding!.vector])!.length, 1_024)
  })

  test('a video has the vectors of its frames and their pooled direction', async () => {
    const frames = await Promise.all([20, 140, 260].map(pictureOf))
    const [video, ...stills] = await embeddings([asset('video', frames), ...frames.map((frame) => asset('image', [frame]))]) as Embedding[]
    assert.deepEqual(video!.frames, stills.map(({ vector }) => vector))
    assert.deepEqual(video!.vector, pooled(stills.map(({ vector }) => vector)))
  })

  test('sound has none', async () => {
    assert.deepEqual(await embeddings([asset('audio', [])]), [null])
  })

  test('a copy shares its original\'s vector, and costs neither a read nor an inference', async () => {
    const [original, copy] = [await pictureOf(30), await pictureOf(31)]
    const [first] = await embeddings([asset('image', [original])]) as Embedding[]
    reads.length = 0
    const [second] = await embeddings([asset('image', [original], [copy])]) as Embedding[]
    assert.deepEqual(second!.vector, first!.vector)
    assert.deepEqual(reads, [])
  })

  test('the same frame twice in a batch is read once', async () => {
    const frame = await pictureOf(40)
    reads.length = 0
    await embeddings([asset('image', [frame]), asset('image', [frame]), asset('video', [frame, frame])])
    assert.equal(reads.length, 1)
  })

  test('one bad asset fails alone', async () => {
    const good = await pictureOf(50)
    const [noPicture, unreadable, missing] = [add(Buffer.from('no picture')), add(Buffer.alloc(0), Buffer.from('EIO')), Buffer.alloc(32)]
    const results = await embeddings([
      asset('image', [noPicture]), asset('image', [good]), asset('image', [missing]), asset('image', [unreadable]), asset('video', [good, noPicture]), asset('image', []),
    ])
    assert.deepEqual(results.map((result) => (typeof result === 'string' ? result : 'embedded')), [
      'Reject embed.frame-undecodable', 'embedded', 'Reject blob.missing', 'RetryLater embed.frame-unreadable', 'Reject embed.frame-undecodable', 'Reject embed.no-frames',
    ])
    assert.ok(new RetryLater('x', 'y') instanceof Error)
  })

  test('vectors are the same bytes alone, in a batch, and from the disk of an earlier process', async () => {
    const frames = await Promise.all(Array.from({ length: 19 }, (_, i) => pictureOf(100 + i * 7)))
    const together = await embeddings(frames.map((frame) => asset('image', [frame]))) as Embedding[]
    const alone = await openEncoder({ config: configOf('alone'), log })
    for (const [i, frame] of frames.entries()) {
      const [embedding] = await embeddings([asset('image', [frame])], alone) as Embedding[]
      assert.deepEqual(embedding!.vector, together[i]!.vector)
    }
    await alone.close()
    const restarted = await openEncoder({ config: configOf('alone'), log })
    reads.length = 0
    assert.deepEqual(await embeddings(frames.map((frame) => asset('image', [frame])), restarted), together)
    assert.deepEqual(reads, [])
    await restarted.close()
  })

  test('even a picture of one colour has a direction', async () => {
    for (const background of ['#000', '#fff', '#777']) {
      const frame = add(await sharp({ create: { width: 64, height: 64, channels: 3, background } }).png().toBuffer())
      const [embedding] = await embeddings([asset('image', [frame])])
      assert.equal(typeof embedding, 'object')
    }
  })

  test('a missing model halts with the command that gets it', async () => {
    await assert.rejects(openEncoder({ config: configOf('x', 'clip-vit-b-32'), log }), (error: Error & { code: string; remedy: string }) =>
      error.code === 'embed.model-missing' && error.remedy.includes('sluice model pull clip-vit-b-32'))
    await assert.rejects(openEncoder({ config: configOf('x', 'mine'), log }), (error: Error & { code: string; remedy: string }) =>
      error.code === 'embed.model-missing' && error.remedy.includes('sluice model add FILE --id mine'))
  })
})
