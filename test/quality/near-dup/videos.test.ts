/** Which copies of films are recognised by their key frames, and where that ends. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { DuplicateVerdict } from '#schemas'
import { sharedData } from '#test/support/shared-data.ts'
import { film, treat, TREATMENTS, type Scene } from './films.ts'
import { assetId, fingerprintFile, Memory } from './pipeline.ts'
import { table } from './table.ts'

const photos = sharedData('images/imagenet-sample')
const published = sharedData('near-dup/videos')
const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0
const skip = photos && published && hasFfmpeg ? false : 'needs ../shared/data and ffmpeg'

const FILMS = 3
/** Of uneven length, 16 s together. */
const SCENE_SECONDS = [2.3, 1.7, 3.1, 1.4, 2.6, 1.9, 3]
/** Key frames are compared, and an encoder places them up to its own interval after a cut. */
const OFFSET_SECONDS = 0.4
/** Without a cut's key frame, frames of different moments are compared. */
const NEEDS_FRAMES_BY_TIME = new Set(['a key frame every 10 s only'])

describe('near copies of films', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'near-dup-'))
  const memory = new Memory()
  after(() => rmSync(folder, { recursive: true }))

  const names = skip ? [] : readdirSync(photos!).filter((name) => name.endsWith('.JPEG')).sort()
  const scenesOf = (number: number): Scene[] =>
    SCENE_SECONDS.map((seconds, at) => ({ seconds, photo: join(photos!, names[number * SCENE_SECONDS.length + at]!) }))
  const fileOf = (number: number): string => join(folder, `film-${number}.mp4`)

  before(async () => {
    for (let number = 0; number < FILMS; number++) {
      film(scenesOf(number), fileOf(number))
      assert.equal(memory.submit(await fingerprintFile(fileOf(number), number, folder)).relation, 'original')
    }
  })

  test('treated copies are found at the right film and time', async (context) => {
    const rows: (string | number)[][] = [['treatment', 'found', 'share', 'mean pdq', 'begins at, s']]
    const missed: string[] = []
    for (const treatment of TREATMENTS) {
      const target = join(folder, `copy.${treatment.extension}`)
      treat(fileOf(1), target, treatment)
      const verdict = memory.ask(await fingerprintFile(target, 99, folder))
      const { of, matched, distance, timeOffsetMicros } = verdict
      rows.push([treatment.name, of ? 'yes' : 'no', matched?.toFixed(2) ?? '', distance ?? '', of ? (timeOffsetMicros! / 1e6).toFixed(2) : ''])
      assert.ok(of === null || of === assetId(1), `${treatment.name}: taken for another film`)
      if (of) assert.ok(Math.abs(timeOffsetMicros! / 1e6 - (treatment.beginsSeconds ?? 0)) <= OFFSET_SECONDS, `${treatment.name}: begins at ${timeOffsetMicros}`)
      else if (!NEEDS_FRAMES_BY_TIME.has(treatment.name)) missed.push(treatment.name)
    }
    for (const line of table(rows)) context.diagnostic(line)
    assert.deepEqual(missed, [])
  })

  test('a black intro and a title in common make no pair of different films', async () => {
    const fresh = new Memory()
    const title: Scene = { photo: join(photos!, names.at(-1)!), seconds: 2 }
    for (let number = 0; number < 2; number++) {
      film([title, ...scenesOf(number).slice(0, 4)], join(folder, 'titled.mp4'), 3)
      const verdict = fresh.submit(await fingerprintFile(join(folder, 'titled.mp4'), number, folder))
      assert.equal(verdict.relation, 'original')
    }
  })
})

describe('the published videos', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'near-dup-'))
  after(() => rmSync(folder, { recursive: true }))

  test('the two versions with like bars are found; the doorknob matches none of them', async (context) => {
    const memory = new Memory()
    const verdicts = new Map<string, DuplicateVerdict>()
    const ids = new Map<string, string>()
    for (const [number, name] of readdirSync(published!).filter((file) => file.endsWith('.mp4')).sort().entries()) {
      const asset = await fingerprintFile(join(published!, name), number, folder)
      ids.set(asset.assetId, name)
      verdicts.set(name, memory.submit(asset))
    }
    for (const [name, { relation, of, evidence }] of verdicts) context.diagnostic(`${name}: ${relation} ${ids.get(of ?? '') ?? ''} (${evidence})`)
    assert.equal(ids.get(verdicts.get('pattern-sd-with-small-logo-bar.mp4')!.of!), 'pattern-sd-grey-bar.mp4')
    const copies = [...verdicts].filter(([, verdict]) => verdict.of !== null)
    assert.ok(copies.every(([name, { of }]) => name.startsWith('pattern') && ids.get(of!)!.startsWith('pattern')))
  })
})
