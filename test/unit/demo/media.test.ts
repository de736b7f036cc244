import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { bomb, noise, withoutIndex } from '../../../cli/demo/media/broken.ts'
import { crop, turn } from '../../../cli/demo/media/edits.ts'
import { FAMILIES, paintPicture } from '../../../cli/demo/media/families/index.ts'
import { inParallel } from '../../../cli/demo/media/in-parallel.ts'
import { withDescription } from '../../../cli/demo/media/jpeg-segments.ts'
import { withQuarterTurn } from '../../../cli/demo/media/mp4-turn.ts'
import { openPainters } from '../../../cli/demo/media/painters.ts'
import { seeded } from '../../../cli/demo/media/random.ts'
import { play, SAMPLE_RATE, wav } from '../../../cli/demo/media/synth.ts'
import { pdq } from '../../../processors/fingerprint/pdq.ts'
import { jpeg, photo, pixels } from '../../support/media.ts'

const never = new AbortController().signal

function hamming(a: Buffer, b: Buffer): number {
  return a.reduce((sum, byte, i) => sum + (byte ^ b[i]!).toString(2).replaceAll('0', '').length, 0)
}

test('random numbers follow from their seed alone, and stay within their bounds', () => {
  const draw = (seed: string) => Array.from({ length: 5 }, seeded(seed).next)
  assert.deepEqual(draw('a'), draw('a'))
  assert.notDeepEqual(draw('a'), draw('b'))
  const { whole } = seeded('dice')
  assert.deepEqual([...new Set(Array.from({ length: 200 }, () => whole(1, 6)))].sort(), [1, 2, 3, 4, 5, 6])
})

test('a picture is the same for the same seed, on this thread and on another', async () => {
  const painters = openPainters(1)
  try {
    const size = { width: 64, height: 48 }
    assert.deepEqual((await painters.paint('reef', 'x', size)).pixels, paintPicture('reef', 'x', size).pixels)
  } finally {
    await painters.close()
  }
})

test('pictures are rich enough to be hashed, and no two of them could be taken for one', () => {
  // 31 of 256 bits is what PDQ's authors take for a match; the demo needs pictures far beyond that.
  const hashes = FAMILIES.flatMap((family) => [1, 2, 3, 4].map((seed) => {
    const { hash, quality } = pdq(pixels({ family, seed, width: 256, height: 192 }))
    assert.ok(quality >= 50, `${family} ${seed} has quality ${quality}`)
    return hash
  }))
  const distances = hashes.flatMap((a, i) => hashes.slice(i + 1).map((b) => hamming(a, b)))
  assert.ok(Math.min(...distances) > 60, `the nearest two are ${Math.min(...distances)} apart`)
})

test('families differ in their colours more than the pictures of one family do', () => {
  const mean = (rgb: Buffer): number[] => [0, 1, 2].map((c) => rgb.filter((_, i) => i % 3 === c).reduce((a, b) => a + b, 0) / (rgb.length / 3))
  const distance = (a: number[], b: number[]): number => Math.hypot(...a.map((value, c) => value - b[c]!))
  const means = FAMILIES.map((family) => [1, 2, 3].map((seed) => mean(pixels({ family, seed, width: 64, height: 48 }).rgb)))
  const centres = means.map((family) => [0, 1, 2].map((c) => family.reduce((sum, each) => sum + each[c]!, 0) / family.length))
  for (const [i, family] of means.entries()) {
    for (const each of family) {
      const nearest = centres.map((centre) => distance(each, centre)).reduce((best, d, j, all) => (d < all[best]! ? j : best), 0)
      assert.equal(FAMILIES[nearest], FAMILIES[i])
    }
  }
})

test('a relabelled JPEG has another description and comment, and the very same picture data', async () => {
  const plain = await photo(2)
  const labelled = withDescription(plain, 'a label')
  assert.ok(!labelled.equals(plain))
  assert.ok(labelled.subarray(-(plain.length - 2)).equals(plain.subarray(2)))
  const { exif, comments } = await sharp(labelled).metadata()
  assert.ok(exif?.includes('a label'))
  assert.equal(comments, undefined, 'libvips shows comments of PNG only')
  assert.ok(labelled.includes(Buffer.from('\xff\xfe\0\x09a label', 'latin1')))
  assert.deepEqual(await sharp(labelled).raw().toBuffer(), await sharp(plain).raw().toBuffer())
})

test('only a JPEG can be relabelled', () => {
  assert.throws(() => withDescription(Buffer.from('GIF89a'), 'x'), /not a JPEG/)
})

test('a turned JPEG is stored on its side and shown upright', async () => {
  const upright = await jpeg({ width: 96, height: 64, family: 'flower' })
  const turned = await turn(upright)
  const { width, height, orientation } = await sharp(turned).metadata()
  assert.deepEqual([width, height, orientation], [64, 96, 6])
  const shown = await sharp(turned).autoOrient().raw().toBuffer()
  const meant = await sharp(upright).raw().toBuffer()
  const error = shown.reduce((sum, value, i) => sum + Math.abs(value - meant[i]!), 0) / meant.length
  assert.ok(error < 6, `mean error ${error}`)
})

test('a crop takes the share off each side', async () => {
  const { width, height } = await sharp(await crop(await jpeg({ width: 200, height: 100 }), 0.02)).metadata()
  assert.deepEqual([width, height], [192, 96])
})

/** Boxes of an MP4: length, name, body. */
function box(name: string, body: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(body.length + 8)
  head.write(name, 4, 'latin1')
  return Buffer.concat([head, body])
}

test('the display matrix is written where either version of the track header has it', () => {
  for (const [version, matrixAt] of [[0, 40], [1, 52]] as const) {
    const header = Buffer.alloc(matrixAt + 36 + 8)
    header[0] = version
    const mp4 = Buffer.concat([box('ftyp', Buffer.alloc(4)), box('moov', Buffer.concat([box('mvhd', Buffer.alloc(9)), box('trak', box('tkhd', header))]))])
    const turned = withQuarterTurn(mp4, 270)
    const tkhd = turned.indexOf('tkhd') + 4
    const matrix = Array.from({ length: 9 }, (_, i) => turned.readInt32BE(tkhd + matrixAt + i * 4))
    // A point (x, y) of the stored picture is shown at (270 - y, x).
    assert.deepEqual(matrix, [0, 65_536, 0, -65_536, 0, 0, 270 * 65_536, 0, 0x40000000])
    assert.equal(turned.length, mp4.length)
  }
})

test('a file without a track header cannot be turned', () => {
  assert.throws(() => withQuarterTurn(box('moov', Buffer.alloc(0)), 270), /no track header/)
  assert.throws(() => withQuarterTurn(Buffer.alloc(16), 270), /no track header/)
})

test('the bomb is a valid PNG, large when decoded and small as a file', async () => {
  const small = await sharp(bomb(64)).raw().toBuffer({ resolveWithObject: true })
  assert.deepEqual([small.info.width, small.info.height, Math.max(...small.data)], [64, 64, 0])
  const large = bomb(20_000)
  assert.ok(large.length < 60_000)
  const { width, height } = await sharp(large, { limitInputPixels: false }).metadata()
  assert.equal(width * height, 400_000_000)
})

test('noise begins like no media file, and an unfinished video ends before its index', () => {
  assert.equal(noise('s', 10)[0], 0x7e)
  const video = Buffer.concat([box('ftyp', Buffer.alloc(4)), box('mdat', Buffer.alloc(20)), box('moov', Buffer.alloc(50))])
  assert.equal(withoutIndex(video).length, 12 + 28)
})

test('sounds have the length and the level that their header says', () => {
  const samples = play('bells', 'x', 1)
  assert.equal(samples.length, SAMPLE_RATE)
  const bytes = wav(samples)
  assert.equal(bytes.length, 44 + SAMPLE_RATE * 2)
  assert.equal(bytes.readUInt32LE(40), SAMPLE_RATE * 2)
  const loudest = samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0)
  assert.ok(Math.abs(loudest - 0.8) < 1e-3)
})

test('jobs run at most so many at a time, and their results keep the order', async () => {
  let running = 0
  let most = 0
  const jobs = [3, 1, 2, 0].map((turns, i) => async () => {
    most = Math.max(most, ++running)
    for (let turn = 0; turn < turns; turn++) await Promise.resolve()
    running--
    return i
  })
  assert.deepEqual(await inParallel(jobs, 2, never), [0, 1, 2, 3])
  assert.equal(most, 2)
})

test('after a failure no further job begins, and those that run are waited for', async () => {
  const begun: string[] = []
  const jobs = ['a', 'b', 'c', 'd'].map((name) => async () => {
    begun.push(name)
    await Promise.resolve()
    if (name === 'a') throw new Error('a is broken')
    begun.push(`${name} done`)
  })
  await assert.rejects(inParallel(jobs, 2, never), /a is broken/)
  assert.deepEqual(begun, ['a', 'b', 'b done'])
})

test('an aborted signal stops the jobs', async () => {
  await assert.rejects(inParallel([async () => 1], 1, AbortSignal.abort(new Error('stop'))), /stop/)
})
