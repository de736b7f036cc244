import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import sharp, { type Sharp } from 'sharp'
import { Refused, type Decoded } from '#processors/normalize/decoded.ts'
import { decodePicture, startTimes } from '#processors/normalize/picture.ts'
import type { Format } from '#processors/normalize/sniff.ts'

const dir = await mkdtemp(join(tmpdir(), 'picture-'))
after(() => rm(dir, { recursive: true }))

type Name = Extract<Format, { family: 'picture' }>['name']

async function decodeBytes(name: Name, bytes: Buffer): Promise<Decoded> {
  const path = join(dir, `${Math.floor(performance.now() * 1000)}.${name}`)
  await writeFile(path, bytes)
  return decodePicture(path, name)
}

/** Red, green, blue and white quarters, clockwise from the top left; wider than high. */
const WIDTH = 80, HEIGHT = 40
const QUARTERS = [[255, 0, 0], [0, 255, 0], [255, 255, 255], [0, 0, 255]] as const

function quarters(): Sharp {
  const rgb = Buffer.alloc(WIDTH * HEIGHT * 3)
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const quarter = y < HEIGHT / 2 ? (x < WIDTH / 2 ? 0 : 1) : x < WIDTH / 2 ? 3 : 2
      rgb.set(QUARTERS[quarter]!, 3 * (y * WIDTH + x))
    }
  }
  return sharp(rgb, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
}

/** Mean colours of the four corners of a normal form, clockwise from the top left. */
async function corners(decoded: Decoded, frame = 0): Promise<number[][]> {
  const { data, info } = await sharp(decoded.frames[frame]!.jpeg).raw().toBuffer({ resolveWithObject: true })
  assert.equal(info.channels, 3)
  const at = (x: number, y: number): number[] => [...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3)]
  const [right, bottom] = [info.width - 3, info.height - 3]
  return [at(2, 2), at(right, 2), at(right, bottom), at(2, bottom)]
}

function assertNear(actual: number[][], expected: readonly (readonly number[])[], tolerance = 6): void {
  actual.forEach((colour, n) => colour.forEach((value, channel) => assert.ok(Math.abs(value - expected[n]![channel]!) <= tolerance, `corner ${n}: ${colour} is not ${expected[n]}`)))
}

test('all eight EXIF orientations of one scene become one upright picture', async () => {
  // How the sensor must have held the scene for each orientation (Exif 2.32, 4.6.4 A): the inverse of what a viewer does.
  const stored: Record<number, ((scene: Sharp) => Sharp)[]> = {
    1: [], 2: [(scene) => scene.flop()], 3: [(scene) => scene.rotate(180)], 4: [(scene) => scene.flip()],
    5: [(scene) => scene.rotate(90), (scene) => scene.flop()], 6: [(scene) => scene.rotate(270)],
    7: [(scene) => scene.rotate(270), (scene) => scene.flop()], 8: [(scene) => scene.rotate(90)],
  }
  for (const [orientation, steps] of Object.entries(stored)) {
    let turned = await quarters().png().toBuffer()
    for (const step of steps) turned = await step(sharp(turned)).png().toBuffer()
    const decoded = await decodeBytes('jpeg', await sharp(turned).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).withMetadata({ orientation: Number(orientation) }).toBuffer())
    assert.deepEqual([decoded.width, decoded.height, decoded.orientation], [WIDTH, HEIGHT, Number(orientation)], `orientation ${orientation}`)
    assertNear(await corners(decoded), QUARTERS)
  }
})

test('a still is one frame at time nought, as large as the original when that is small', async () => {
  const decoded = await decodeBytes('png', await quarters().png().toBuffer())
  assert.equal(decoded.kind, 'image')
  assert.equal(decoded.codec, 'png')
  assert.deepEqual(decoded.frames.map(({ ptsMicros, width, height }) => [ptsMicros, width, height]), [[0, WIDTH, HEIGHT]])
  assert.deepEqual([decoded.frameCount, decoded.thumbnail, decoded.durationMicros], [1, 0, null])
  assertNear(await corners(decoded), QUARTERS)
})

test('a large picture keeps its own size in the fact and gets the bounded one in the frame', async () => {
  const decoded = await decodeBytes('jpeg', await quarters().resize(2000, 1000).jpeg().toBuffer())
  assert.deepEqual([decoded.width, decoded.height], [2000, 1000])
  assert.deepEqual([decoded.frames[0]!.width, decoded.frames[0]!.height], [672, 336])
  const { width, height } = await sharp(decoded.frames[0]!.jpeg).metadata()
  assert.deepEqual([width, height], [672, 336])
})

test('what is transparent comes out white', async () => {
  const clear = await sharp({ create: { width: 20, height: 20, channels: 4, background: { r: 200, g: 0, b: 0, alpha: 0 } } }).png().toBuffer()
  assertNear(await corners(await decodeBytes('png', clear)), [[255, 255, 255], [255, 255, 255], [255, 255, 255], [255, 255, 255]], 1)
})

test('grey, 16-bit and CMYK pictures come out as 8-bit sRGB', async () => {
  const white = [[255, 255, 255], [255, 255, 255], [255, 255, 255], [255, 255, 255]]
  const paper = sharp({ create: { width: 20, height: 20, channels: 3, background: '#ffffff' } })
  const forms: [Name, Buffer][] = [
    ['png', await paper.clone().toColourspace('b-w').png().toBuffer()],
    ['png', await paper.clone().toColourspace('rgb16').png().toBuffer()],
    ['jpeg', await paper.clone().toColourspace('cmyk').jpeg().toBuffer()],
    ['tiff', await paper.clone().toColourspace('cmyk').tiff().toBuffer()],
  ]
  for (const [name, bytes] of forms) {
    const decoded = await decodeBytes(name, bytes)
    assertNear(await corners(decoded), white, 3)
    const { space, depth, channels } = await sharp(decoded.frames[0]!.jpeg).metadata()
    assert.deepEqual([space, depth, channels], ['srgb', 'uchar', 3])
  }
})

test('a colour profile is applied once and not carried on', async () => {
  // sharp writes the same colour in Display P3, whose red is stronger: less of it is needed.
  const red = [200, 30, 30]
  const p3 = await sharp({ create: { width: 20, height: 20, channels: 3, background: { r: 200, g: 30, b: 30 } } }).withIccProfile('p3').png().toBuffer()
  const stored = await sharp(p3, { ignoreIcc: true }).raw().toBuffer()
  assert.ok(stored[0]! < 190, `the file itself holds ${stored[0]}`)
  const decoded = await decodeBytes('png', p3)
  assertNear(await corners(decoded), [red, red, red, red], 4)
  assert.equal((await sharp(decoded.frames[0]!.jpeg).metadata()).icc, undefined)
})

test('nothing of the original\'s metadata is carried on', async () => {
  const bytes = await quarters().jpeg().withExif({ IFD0: { Copyright: 'CANARY-COPYRIGHT' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' } }).toBuffer()
  assert.ok(bytes.includes('CANARY-COPYRIGHT'))
  const { jpeg } = (await decodeBytes('jpeg', bytes)).frames[0]!
  for (const word of ['CANARY', 'Exif', 'GPS', 'ICC_PROFILE', 'http']) assert.equal(Buffer.from(jpeg).includes(word), false, word)
})

test('the same bytes give the same bytes', async () => {
  const bytes = await quarters().resize(900, 500).webp().toBuffer()
  const [one, two] = [await decodeBytes('webp', bytes), await decodeBytes('webp', bytes)]
  assert.ok(Buffer.from(one.frames[0]!.jpeg).equals(Buffer.from(two.frames[0]!.jpeg)))
})

async function animation(format: 'gif' | 'webp', delaysMs: number[]): Promise<Buffer> {
  const tones = delaysMs.map((_, n) => n * 20)
  const strip = Buffer.concat(tones.map((tone) => Buffer.alloc(30 * 20 * 3, tone)))
  return sharp(strip, { raw: { width: 30, height: 20 * delaysMs.length, channels: 3, pageHeight: 20 } })[format]({ delay: delaysMs, loop: 0 }).toBuffer()
}

for (const format of ['gif', 'webp'] as const) {
  test(`an animated ${format} becomes a video whose frames have the times of its delays`, async () => {
    const decoded = await decodeBytes(format, await animation(format, [100, 50, 400]))
    assert.equal(decoded.kind, 'video')
    assert.deepEqual([decoded.width, decoded.height, decoded.frameCount, decoded.durationMicros], [30, 20, 3, 550_000])
    assert.deepEqual(decoded.frames.map(({ ptsMicros }) => ptsMicros), [0, 100_000, 150_000])
    const tones = await Promise.all([0, 1, 2].map(async (frame) => (await corners(decoded, frame))[0]![0]!))
    tones.forEach((tone, n) => assert.ok(Math.abs(tone - n * 20) <= 4, `frame ${n} is ${tone}`))
  })
}

test('of a long animation sixteen frames are kept, first and last among them', async () => {
  const strip = Buffer.concat(Array.from({ length: 46 }, (_, n) => Buffer.alloc(8 * 8 * 3, n * 5)))
  const long = await sharp(strip, { raw: { width: 8, height: 8 * 46, channels: 3, pageHeight: 8 } }).webp({ delay: Array(46).fill(20), lossless: true }).toBuffer()
  const times = (await decodeBytes('webp', long)).frames.map(({ ptsMicros }) => ptsMicros)
  assert.equal(times.length, 16)
  assert.deepEqual([times[0], times[1], times.at(-1)], [0, 60_000, 900_000])
})

test('a delay that browsers do not believe counts as a tenth of a second', () => {
  assert.deepEqual(startTimes([0, 10, 20], 4), [0, 100_000, 200_000, 220_000, 320_000])
})

const refusedWith = (code: string) => (error: unknown): boolean => error instanceof Refused && error.code === code

test('a picture that ends too early is refused as truncated', async () => {
  const bytes = await quarters().resize(800, 400).jpeg().toBuffer()
  await assert.rejects(decodeBytes('jpeg', bytes.subarray(0, bytes.length / 2)), refusedWith('normalize.truncated'))
})

test('stray bytes between the parts of a JPEG do no harm', async () => {
  const bytes = await quarters().jpeg().toBuffer()
  const strayed = Buffer.concat([bytes.subarray(0, 2), Buffer.from('stray'), bytes.subarray(2)])
  assertNear(await corners(await decodeBytes('jpeg', strayed)), QUARTERS, 40)
})

test('a damaged picture is refused as corrupt', async () => {
  const bytes = await quarters().png().toBuffer()
  await assert.rejects(decodeBytes('png', Buffer.concat([bytes.subarray(0, 33), Buffer.alloc(200, 7)])), refusedWith('normalize.corrupt'))
})

test('a picture that claims 10,000 million pixels is refused before any is decoded', async () => {
  // IHDR of 100,000 × 100,000 with its right checksum comes from patching width and height before the CRC is made.
  const header = Buffer.from('IHDR\0\x01\x86\xa0\0\x01\x86\xa0\x08\x02\0\0\0', 'latin1')
  const { crc32, deflateSync } = await import('node:zlib')
  const chunk = (body: Buffer): Buffer => {
    const framed = Buffer.alloc(body.length + 8)
    framed.writeUInt32BE(body.length - 4, 0)
    body.copy(framed, 4)
    framed.writeUInt32BE(crc32(body), body.length + 4)
    return framed
  }
  const bomb = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk(header), chunk(Buffer.concat([Buffer.from('IDAT'), deflateSync(Buffer.alloc(100))])), chunk(Buffer.from('IEND'))])
  await assert.rejects(decodeBytes('png', bomb), refusedWith('normalize.too-many-pixels'))
})
