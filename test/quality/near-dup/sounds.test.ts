/** Which re-encodings of sounds are recognised, and that different ones are not. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { DuplicateVerdict } from '#schemas'
import { assetId, fingerprintFile, Memory } from './pipeline.ts'
import { percent, table } from './table.ts'
import { noise, REENCODINGS, reencode, tone, tune, writeWav } from './tunes.ts'

const skip = spawnSync('ffmpeg', ['-version']).status === 0 ? false : 'needs ffmpeg'
const TUNES = 3
const SECONDS = 30

describe('near copies of sounds', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'near-dup-'))
  const memory = new Memory()
  const verdicts: DuplicateVerdict[] = []
  after(() => rmSync(folder, { recursive: true }))

  const sources: [string, () => Float32Array][] = [
    ...Array.from({ length: TUNES }, (_, seed): [string, () => Float32Array] => [`tune ${seed}`, () => tune(seed + 1, SECONDS)]),
    ...[440, 441, 1000].map((hertz): [string, () => Float32Array] => [`tone of ${hertz} Hz`, () => tone(hertz, 20)]),
    ...[1, 2].map((seed): [string, () => Float32Array] => [`noise ${seed}`, () => noise(seed, 20)]),
    ['silence', () => tone(0, 20)],
  ]
  const fileOf = (number: number): string => join(folder, `source-${number}.wav`)

  before(async () => {
    for (const [number, [, samples]] of sources.entries()) {
      verdicts.push(memory.submit(await fingerprintFile(writeWav(fileOf(number), samples()), number, folder)))
    }
  })

  test('different tunes, tones, noises and silence are no copies of each other', () => {
    verdicts.forEach((verdict, number) => assert.equal(verdict.relation, 'original', sources[number]![0]))
  })

  test('re-encoded, quieter, cut and noisy tunes are found, with the place where they begin', async (context) => {
    const rows: (string | number)[][] = [['change', 'found', 'bits of 1,000', 'begins at, s']]
    for (const change of REENCODINGS) {
      const found: DuplicateVerdict[] = []
      for (let number = 0; number < TUNES; number++) {
        const verdict = memory.ask(await fingerprintFile(reencode(fileOf(number), folder, change), sources.length, folder))
        assert.ok(verdict.of === null || verdict.of === assetId(number), `${change.name}: taken for another sound`)
        if (verdict.of) found.push(verdict)
      }
      const mean = (of: (verdict: DuplicateVerdict) => number) => found.reduce((sum, verdict) => sum + of(verdict), 0) / found.length
      rows.push([change.name, percent(found.length / TUNES), mean((v) => v.distance!).toFixed(0), (mean((v) => v.timeOffsetMicros!) / 1e6).toFixed(2)])
      assert.equal(found.length, TUNES, change.name)
      const begins = change.name === 'without the first 5.3 s' ? 5.3 : 0
      for (const { timeOffsetMicros } of found) assert.ok(Math.abs(timeOffsetMicros! / 1e6 - begins) < 0.15, `${change.name}: begins at ${timeOffsetMicros}`)
    }
    for (const line of table(rows)) context.diagnostic(line)
  })
})
