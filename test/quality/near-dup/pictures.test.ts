/** How well copies of real photos are recognised, by kind of edit, through the real normal form and the real stage. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { DuplicateVerdict } from '#schemas'
import { sharedData } from '#test/support/shared-data.ts'
import { EDITS, HARD_EDITS, MIRRORS, type Edit } from './edits.ts'
import { assetId, fingerprintFile, Memory } from './pipeline.ts'
import { percent, table } from './table.ts'

const photos = sharedData('images/imagenet-sample')
const nearDup = sharedData('near-dup')
const skip = photos && nearDup ? false : 'needs ../shared/data'

/** Every fifth photo is edited; all are known. */
const EDITED_EVERY = 5

/** Least share found; measured on all 150 photos, less the noise of 30. */
const FLOORS: Record<string, number> = { 'corner label': 0.85, 'gamma 1.5': 0.96, greyscale: 0.96, 'brightness +15 %': 0.93, 'contrast +20 %': 0.96 }
const OTHER_FLOOR = 0.99
/** What Thorn and imagededup call out of reach for hashes; the crop is asked for, and its figure is published. */
const WITHOUT_FLOOR = new Set(['crop 2 %', ...HARD_EDITS.map((edit) => edit.name)])

describe('near copies of pictures', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'near-dup-'))
  const memory = new Memory()
  const names = skip ? [] : readdirSync(photos!).filter((name) => name.endsWith('.JPEG')).sort()
  const verdicts: DuplicateVerdict[] = []
  after(() => rmSync(folder, { recursive: true }))

  before(async () => {
    for (const [number, name] of names.entries()) verdicts.push(memory.submit(await fingerprintFile(join(photos!, name), number, folder)))
  })

  async function verdictOn(edit: Edit, number: number): Promise<DuplicateVerdict> {
    const path = join(folder, 'edited')
    writeFileSync(path, await edit.apply(readFileSync(join(photos!, names[number]!))))
    return memory.ask(await fingerprintFile(path, names.length, folder))
  }

  test('no two of 150 different photos are called copies', () => {
    assert.equal(names.length, 150)
    assert.deepEqual(verdicts.filter((verdict) => verdict.relation !== 'original'), [])
  })

  test('edited photos are found, and never taken for another photo', async (context) => {
    const numbers = [...names.keys()].filter((number) => number % EDITED_EVERY === 0)
    const rows: (string | number)[][] = [['edit', 'found', 'wrong', 'mean pdq', 'same picture']]
    const below: string[] = []
    for (const edit of [...EDITS, ...HARD_EDITS]) {
      const all = await Promise.all(numbers.map(async (number) => ({ number, ...await verdictOnCopy(edit, number) })))
      const found = all.filter(({ number, of }) => of === assetId(number))
      const wrong = all.length - found.length - all.filter(({ of }) => of === null).length
      const exact = all.filter(({ relation }) => relation === 'same-picture').length
      const pdq = found.reduce((sum, { distance }) => sum + distance!, 0) / Math.max(1, found.length)
      rows.push([edit.name, percent(found.length / all.length), wrong, pdq.toFixed(1), exact])
      assert.equal(wrong, 0, `${edit.name}: taken for another photo`)
      const floor = WITHOUT_FLOOR.has(edit.name) ? 0 : FLOORS[edit.name] ?? OTHER_FLOOR
      if (found.length / all.length < floor) below.push(`${edit.name} below ${percent(floor)}`)
    }
    for (const line of table(rows)) context.diagnostic(line)
    assert.deepEqual(below, [])
  })

  async function verdictOnCopy(edit: Edit, number: number): Promise<DuplicateVerdict> {
    const path = join(folder, `edited-${number}`)
    writeFileSync(path, await edit.apply(readFileSync(join(photos!, names[number]!))))
    return memory.ask(await fingerprintFile(path, names.length, folder))
  }

  test('mirrored and upside-down photos are other pictures', async () => {
    for (const edit of MIRRORS) {
      for (let number = 0; number < names.length; number += 15) {
        assert.equal((await verdictOn(edit, number)).relation, 'original', `${edit.name}: ${names[number]}`)
      }
    }
  })
})

describe('the published near-duplicates', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'near-dup-'))
  after(() => rmSync(folder, { recursive: true }))
  const rows = skip ? [] : readFileSync(join(nearDup!, 'truth.tsv'), 'utf8').trim().split('\n').slice(1).map((line) => line.split('\t'))

  async function relationsTo(reference: string, group: string): Promise<Map<string, DuplicateVerdict & { said: string }>> {
    const memory = new Memory()
    memory.submit(await fingerprintFile(join(nearDup!, reference), 0, folder))
    const found = new Map<string, DuplicateVerdict & { said: string }>()
    for (const [file, , said] of rows.filter(([name]) => name!.startsWith(group) && name !== reference)) {
      found.set(file!, { said: said!, ...memory.ask(await fingerprintFile(join(nearDup!, file!), 1, folder)) })
    }
    return found
  }

  test('all eleven edits of the bridge are found: blur, contrast, saturation, sharpening, shrinking, squares', async (context) => {
    const verdicts = await relationsTo('bridge-mods/aaa-orig.jpg', 'bridge-mods/')
    for (const [file, { relation, evidence }] of verdicts) context.diagnostic(`${file}: ${relation}, ${evidence}`)
    assert.equal(verdicts.size, 11)
    assert.deepEqual([...verdicts].filter(([, verdict]) => verdict.of !== assetId(0)), [])
  })

  test('of the bridge turned and mirrored, only the untouched copy matches', async () => {
    const verdicts = await relationsTo('bridge-mods/aaa-orig.jpg', 'dih/')
    assert.equal(verdicts.size, 8)
    for (const [file, { said, relation }] of verdicts) assert.equal(relation, said === 'exact-copy-of-original' ? 'same-bytes' : 'original', file)
  })

  test('of the UKBench photo, the resized and the grey one match, turned, mirrored and other ones do not', async () => {
    const verdicts = await relationsTo('ukbench/ukbench00120.jpg', 'ukbench/')
    assert.equal(verdicts.size, 10)
    for (const [file, { said, relation }] of verdicts) assert.equal(relation, said === 'near-duplicate' ? 'near-copy' : 'original', file)
  })
})
