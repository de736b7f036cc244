import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import sharp from 'sharp'
import { blockhash } from '#processors/fingerprint/blockhash.ts'
import type { Pixels } from '#processors/fingerprint/pixels.ts'
import { sharedData } from '#test/support/shared-data.ts'

const folder = sharedData('blockhash')

/** Full resolution, profile ignored; blockhash takes transparent pixels as white. */
async function fullPixels(path: string): Promise<Pixels> {
  const { data, info } = await sharp(path, { ignoreIcc: true }).ensureAlpha().raw().toBuffer({ resolveWithObject: true })
  const rgb = new Uint8Array(info.width * info.height * 3)
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    rgb.set(data[from + 3] === 0 ? [255, 255, 255] : data.subarray(from, from + 3), to)
  }
  return { width: info.width, height: info.height, rgb }
}

test('blockhash equals the published hashes bit for bit', { skip: folder ? false : 'needs ../shared/data' }, async () => {
  const [header, ...rows] = readFileSync(join(folder!, 'truth.tsv'), 'utf8').trim().split('\n').map((line) => line.split('\t'))
  const column = header!.indexOf('blockhash_precise_16')
  assert.equal(rows.length, 8)
  for (const row of rows) {
    assert.equal(blockhash(await fullPixels(join(folder!, row[0]!))).toString('hex'), row[column], row[0])
  }
})

/** Left half black, right half white. */
function halves(width: number, height: number): Pixels {
  const rgb = Uint8Array.from({ length: width * height * 3 }, (_, at) => (Math.floor(at / 3) % width < width / 2 ? 0 : 255))
  return { width, height, rgb }
}

test('dark blocks give 0 and bright ones 1, row by row', () => {
  // Each row of 16 blocks: eight dark, eight bright.
  assert.equal(blockhash(halves(32, 32)).toString('hex'), '00ff'.repeat(16))
})

test('a picture smaller than its 16 blocks is enlarged, not refused', () => {
  assert.equal(blockhash(halves(2, 1)).toString('hex'), '00ff'.repeat(16))
})
