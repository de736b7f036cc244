import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pdq } from '#processors/fingerprint/pdq.ts'
import type { Pixels } from '#processors/fingerprint/pixels.ts'
import { sharedData } from '#test/support/shared-data.ts'

const videos = sharedData('near-dup/videos')
const FRAMES = 20

/** Meta's bound for conformance: decoders and scalers differ. */
const CONFORMANCE_BITS = 10

function grey(width: number, height: number, valueAt: (x: number, y: number) => number): Pixels {
  const rgb = Uint8Array.from({ length: width * height * 3 }, (_, at) => {
    const pixel = Math.floor(at / 3)
    return Math.round(valueAt(pixel % width, Math.floor(pixel / width)))
  })
  return { width, height, rgb }
}

/** Whether the bit of vertical frequency i + 1 and horizontal frequency j + 1 is set; bit 0 is the last of the text. */
function bit(hash: Buffer, i: number, j: number): boolean {
  const number = i * 16 + j
  return (hash[31 - (number >> 3)]! >> (number & 7)) % 2 === 1
}

function differing(a: Buffer, b: Buffer): number {
  return a.reduce((sum, byte, at) => sum + (byte ^ b[at]!).toString(2).replaceAll('0', '').length, 0)
}

function framesOf(name: string): Pixels[] {
  const path = join(videos!, `${name}.mp4`)
  const size = execFileSync('ffprobe', ['-v', 'error', '-select_streams', 'v', '-show_entries', 'stream=width,height', '-of', 'csv=p=0', path])
  const [width, height] = size.toString().trim().split(',').map(Number) as [number, number]
  const raw = execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-i', path, '-frames:v', `${FRAMES}`, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'], { maxBuffer: 1 << 28 })
  return Array.from({ length: FRAMES }, (_, at) => ({ width, height, rgb: raw.subarray(at * width * height * 3, (at + 1) * width * height * 3) }))
}

test('PDQ of decoded video frames agrees with Meta\'s within its conformance bound', { skip: videos ? false : 'needs ../shared/data' }, (context) => {
  for (const name of ['doorknob-hd-no-bar', 'pattern-hd-no-bar', 'pattern-sd-grey-bar']) {
    const truth = readFileSync(join(videos!, 'vpdq-frame-hashes', `${name}.txt`), 'utf8').trim().split('\n').map((line) => line.split(','))
    const bits = framesOf(name).map((pixels, at) => {
      const { hash, quality } = pdq(pixels)
      assert.ok(Math.abs(quality - Number(truth[at]![1])) <= 1)
      return differing(hash, Buffer.from(truth[at]![2]!, 'hex'))
    })
    context.diagnostic(`${name}: at most ${Math.max(...bits)} bits, mean ${bits.reduce((a, b) => a + b) / bits.length}`)
    assert.ok(Math.max(...bits) <= CONFORMANCE_BITS, `${name}: ${Math.max(...bits)} bits`)
  }
})

for (const [vertical, horizontal] of [[1, 1], [3, 2], [2, 7], [16, 16]] as const) {
  test(`a wave of frequency ${vertical} down and ${horizontal} across sets its own bit, its negative does not`, () => {
    const cosine = (frequency: number, at: number) => Math.cos((Math.PI / 128) * frequency * (2 * at + 1))
    const wave = (sign: number) => pdq(grey(64, 64, (x, y) => 128 + sign * 100 * cosine(vertical, y) * cosine(horizontal, x))).hash
    assert.equal(bit(wave(1), vertical - 1, horizontal - 1), true)
    assert.equal(bit(wave(-1), vertical - 1, horizontal - 1), false)
  })
}

test('half of the bits are set: the threshold is the median', () => {
  const { hash } = pdq(grey(100, 90, (x, y) => (x * x + 3 * y * y + x * y) % 256))
  assert.equal(differing(hash, Buffer.alloc(32)), 128)
})

test('a flat picture has quality 0', () => {
  assert.equal(pdq(grey(64, 64, () => 200)).quality, 0)
})

test('quality counts steps between the 64 x 64 samples in per cent, a point for every 90', () => {
  // One edge down the middle, 102 of 255 high: 64 steps of 40 per cent; 2,560 / 90 = 28.4.
  assert.equal(pdq(grey(64, 64, (x) => (x < 32 ? 0 : 102))).quality, 28)
  // Stripes: 64 rows of 63 such steps are far above the top.
  assert.equal(pdq(grey(64, 64, (x) => (x % 2) * 102)).quality, 100)
})

test('a picture of fewer than five pixels a side has no hash and no quality', () => {
  assert.deepEqual(pdq(grey(4, 100, (x) => x * 60)), { hash: Buffer.alloc(32), quality: 0 })
})
