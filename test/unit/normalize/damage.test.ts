/** Damaged files: whatever a bit does, the answer is a normal form or a listed code. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import sharp from 'sharp'
import { CODES } from '#processors/normalize/codes.ts'
import { DecoderPool } from '#processors/normalize/decoder-pool.ts'
import { systemClock } from '#runtime/clock.ts'
import { Reject } from '#runtime/errors.ts'
import { createLog } from '#runtime/log.ts'

const never = new AbortController().signal

test('flipped and missing bytes never harm more than their own file', async (t) => {
  const pool = new DecoderPool({ size: 1, clock: systemClock, log: createLog('test', 'silent') })
  const dir = await mkdtemp(join(tmpdir(), 'damage-'))
  t.after(async () => {
    pool.close()
    await rm(dir, { recursive: true })
  })
  const source = sharp({ create: { width: 200, height: 150, channels: 3, background: '#808080', noise: { type: 'gaussian', mean: 128, sigma: 40 } } })
  const originals = [await source.clone().jpeg().toBuffer(), await source.clone().png().toBuffer(), await source.clone().webp().toBuffer(), await source.clone().gif().toBuffer(), await source.clone().tiff().toBuffer()]
  const damage = fc.record({
    original: fc.constantFrom(...originals),
    flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
    keep: fc.oneof(fc.constant(1), fc.double({ min: 0.05, max: 1, noNaN: true })),
  })
  const path = join(dir, 'damaged')
  await fc.assert(fc.asyncProperty(damage, async ({ original, flips, keep }) => {
    const bytes = Buffer.from(original.subarray(0, Math.ceil(original.length * keep)))
    // The first bytes say what it is, and a third of the damage falls on the headers.
    for (const [at, mask] of flips) bytes[at % 3 === 0 ? at % 64 : at % bytes.length]! ^= mask
    await writeFile(path, bytes)
    try {
      const { frames } = await pool.decode(path, '', never)
      assert.ok(frames.length > 0)
    } catch (error) {
      assert.ok(error instanceof Reject && error.code in CODES, String(error))
      assert.ok(!error.code.startsWith('normalize.decoder-'), error.message)
    }
  }), { seed: 20260101, numRuns: 300 })
})
