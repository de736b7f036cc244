/** Real and hostile pictures: what sharp's and Pillow's own test files become. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import sharp from 'sharp'
import { CODES } from '#processors/normalize/codes.ts'
import type { Decoded } from '#processors/normalize/decoded.ts'
import { Bench, needsSharedData, truthOf } from './truth.ts'

/** Mean distance of two normal forms' pixels, of 255. */
async function distance(one: Decoded, two: Decoded, frame = 0): Promise<number> {
  const [a, b] = await Promise.all([one, two].map(({ frames }) => sharp(frames[frame]!.jpeg).raw().toBuffer()))
  assert.equal(a!.length, b!.length)
  return a!.reduce((sum, value, at) => sum + Math.abs(value - b![at]!), 0) / a!.length
}

const bench = new Bench()

test('one photo in all eight EXIF orientations becomes one picture', needsSharedData, async () => {
  const upright = await bench.decoded('images/sharp-fixtures/Landscape_1.jpg')
  for (let orientation = 2; orientation <= 8; orientation++) {
    const turned = await bench.decoded(`images/sharp-fixtures/Landscape_${orientation}.jpg`)
    assert.deepEqual([turned.width, turned.height, turned.orientation], [600, 450, orientation])
    // The eight files were each encoded anew from turned pixels: blocks and labels differ, the scene does not.
    const difference = await distance(upright, turned)
    assert.ok(difference < 12, `orientation ${orientation} differs by ${difference.toFixed(1)}`)
  }
})

test('orientation in PNG and TIFF is honoured too', needsSharedData, async () => {
  const upright = await bench.decoded('images/pillow/g4_orientation_1.tif')
  for (const orientation of [3, 5, 6, 8]) {
    const turned = await bench.decoded(`images/pillow/g4_orientation_${orientation}.tif`)
    assert.deepEqual([turned.width, turned.height], [upright.width, upright.height])
    assert.ok(await distance(upright, turned) < 8)
  }
})

test('every picture of both collections gets a normal form or a listed code, and the decoders live on', needsSharedData, async () => {
  const outcomes: Record<string, number> = {}
  for (const folder of ['images/sharp-fixtures', 'images/pillow']) {
    for (const { file, decode, oriented_width: width, oriented_height: height } of truthOf(folder)) {
      const outcome = await bench.outcomeOf(`${folder}/${file}`)
      if (typeof outcome === 'string') {
        assert.ok(outcome in CODES, outcome)
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
        assert.ok(decode !== 'ok' || file!.endsWith('.svg'), `${file} is refused (${outcome}) though it can be decoded`)
        continue
      }
      if (decode === 'ok') assert.deepEqual([outcome.width, outcome.height], [Number(width), Number(height)], file)
      for (const frame of outcome.frames) {
        assert.ok(Math.min(frame.width, frame.height) <= 336 && Math.max(frame.width, frame.height) <= 2016, file)
        const { format, space, depth, channels, icc, exif } = await sharp(frame.jpeg).metadata()
        assert.deepEqual([format, space, depth, channels, icc, exif], ['jpeg', 'srgb', 'uchar', 3, undefined, undefined], file)
      }
    }
  }
  assert.equal(outcomes['normalize.decoder-crash'], undefined)
  assert.equal(outcomes['normalize.decoder-timeout'], undefined)
  assert.equal((await bench.decoded('images/pillow/hopper.jpg')).width, 128)
})

const EXPECTED: [string, string][] = [
  ['sharp-fixtures/giant-image.jpg', 'normalize.too-many-pixels'],
  ['sharp-fixtures/65536-uint32-limit.png', 'normalize.too-many-pixels'],
  ['sharp-fixtures/truncated.jpg', 'normalize.truncated'],
  ['sharp-fixtures/corrupt-header.jpg', 'normalize.truncated'],
  ['pillow/truncated_jpeg.jpg', 'normalize.truncated'],
  ['pillow/broken_data_stream.png', 'normalize.corrupt'],
  ['pillow/psd-oob-write.psd', 'normalize.unsupported-format'],
  ['sharp-fixtures/check.svg', 'normalize.unsupported-format'],
  ['sharp-fixtures/relax.jp2', 'normalize.unsupported-format'],
  ['pillow/decompression_bomb.gif', 'normalize.truncated'],
]

test('damaged, hostile and foreign pictures are told apart', needsSharedData, async () => {
  for (const [file, code] of EXPECTED) assert.equal(await bench.outcomeOf(`images/${file}`), code, file)
})

test('mildly damaged photos that every viewer shows are taken', needsSharedData, async () => {
  for (const file of ['junk_jpeg_header.jpg', 'photoshop-200dpi-broken.jpg', 'hopper_bad_exif.jpg', 'truncated_app14.jpg']) {
    assert.equal((await bench.decoded(`images/pillow/${file}`)).kind, 'image')
  }
})

test('pixel bombs are refused at once and without memory', needsSharedData, async () => {
  const fresh = new Bench()
  await fresh.decoded('images/pillow/hopper.jpg')
  for (const file of ['sharp-fixtures/giant-image.jpg', 'sharp-fixtures/65536-uint32-limit.png', 'pillow/png_decompression_dos.png', 'pillow/decompression_bomb.gif', 'pillow/decompression_bomb.ico']) {
    const start = performance.now()
    await fresh.outcomeOf(`images/${file}`)
    const took = performance.now() - start
    assert.ok(took < 1500, `${file} took ${took.toFixed(0)} ms`)
  }
  if (process.platform !== 'linux') return
  const peakKiB = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${fresh.pool.pids[0]}/status`, 'utf8'))![1])
  assert.ok(peakKiB < 250 * 1024, `${peakKiB} KiB`)
})

test('the same animation as GIF, WebP and APNG has the same frames', needsSharedData, async () => {
  const [gif, webp, apng] = [await bench.decoded('images/pillow/iss634.gif'), await bench.decoded('images/pillow/iss634.webp'), await bench.decoded('images/pillow/iss634.apng')]
  for (const animation of [gif, webp, apng]) assert.deepEqual([animation.kind, animation.frames.length], ['video', 16])
  // The APNG's own header counts one frame less: its maker joined two equal ones.
  assert.deepEqual([gif.frameCount, webp.frameCount, apng.frameCount], [42, 42, 41])
  for (const frame of [0, 7, 15]) assert.ok(await distance(gif, webp, frame) < 1)
  assert.deepEqual(gif.frames.map(({ ptsMicros }) => ptsMicros), webp.frames.map(({ ptsMicros }) => ptsMicros))
  assert.ok(await distance(gif, apng, 0) < 4)
})
