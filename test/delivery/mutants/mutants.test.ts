/** The mutation table fits the sources as they are; what it finds is another matter, and minutes (`npm run test:mutants`). */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { detect } from './detectors.ts'
import { mutate, type Mutant } from './mutant.ts'
import { MUTANTS } from './mutants.ts'
import { withSection } from '#test/support/results-section.ts'
import { outcomeOf, tableOf } from './report.ts'

const ROOT = join(import.meta.dirname, '../../..')

test('each guard stands in its file exactly once, and what is left without it is still a program', () => {
  for (const mutant of MUTANTS) {
    const mutated = mutate(readFileSync(join(ROOT, mutant.file), 'utf8'), mutant)
    assert.doesNotThrow(() => stripTypeScriptTypes(mutated), mutant.name)
  }
})

test('each detector that is named exists, and no two mutants have one name', () => {
  for (const { name, seenBy } of MUTANTS) if (seenBy.by === 'test') assert.ok(existsSync(join(ROOT, seenBy.file)), name)
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length)
})

const SAMPLE: Mutant = { name: 'sample', guard: 'a | b', needed: 'c', file: 'x.ts', find: 'guard()', replace: '$&', seenBy: { by: 'simulation' } }

test('a mutant whose guard has gone, or stands there twice, is stale', () => {
  assert.throws(() => mutate('nothing', SAMPLE), /mutant sample is stale: .* stands 0 times in x\.ts/)
  assert.throws(() => mutate('guard() guard()', SAMPLE), /stands 2 times/)
  assert.equal(mutate('if (guard()) go()', SAMPLE), 'if ($&) go()')
})

test('the table tells survivors, and detectors that failed, from what was caught', () => {
  const seen = { mutant: SAMPLE, seen: 'doubled rows', seconds: 1.4 }
  const survivor = { ...seen, seen: undefined }
  const broken = { ...survivor, error: 'no such\nfile' }
  assert.equal(outcomeOf(seen), 'caught by simulation: doubled rows')
  assert.equal(outcomeOf(survivor), 'SURVIVED simulation')
  assert.equal(outcomeOf(broken), 'NO VERDICT: no such\nfile')
  const lines = tableOf([seen, survivor, broken], 'Today.').split('\n')
  assert.ok(lines.includes('1 of 3 caught. Today.'))
  assert.deepEqual(lines.slice(-3), [
    '| a \\| b | c | caught by simulation: doubled rows | 1 s |', '| a \\| b | c | SURVIVED simulation | 1 s |', '| a \\| b | c | NO VERDICT: no such file | 1 s |',
  ])
})

test('a section is put in the place of the one before, and nothing else of the file changes', () => {
  const first = withSection('# Results\n\nText.\n', 'x', 'one')
  assert.equal(first, `# Results\n\nText.\n\n<!-- x -->\none\n<!-- /x -->\n`)
  assert.equal(withSection(`${first}More.\n`, 'x', 'two'), `# Results\n\nText.\n\n<!-- x -->\ntwo\n<!-- /x -->\nMore.\n`)
  assert.equal(withSection('', 'x', 'one'), `<!-- x -->\none\n<!-- /x -->\n`)
})

const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function seenIn(source: string): Promise<string | undefined> {
  const file = join(folder, 'sample.test.ts')
  writeFileSync(file, `import { suite, test } from 'node:test'\n${source}`)
  return detect({ by: 'test', file }, { dir: ROOT, seed: 1, stackEnv: () => Promise.reject(new Error('no stack is needed')) })
}

test('a detector names the tests that failed, and says nothing when none did', async () => {
  assert.equal(await seenIn('test("one", () => {})'), undefined)
  assert.equal(await seenIn('test("one", () => {}); suite("many", () => { test("two", () => { throw new Error("x") }) })'), '“two”')
  assert.equal(await seenIn('for (const name of ["a", "b", "c", "d"]) test(name, () => { throw new Error("x") })'), '“a”, “b” and 2 more')
})

test('a detector that fell over a mistake in the sources is no witness', async () => {
  await assert.rejects(seenIn('import { nothing } from "./nowhere.ts"'), /nowhere/)
  await assert.rejects(seenIn('test("one", () => { nowhere() })'), /nowhere is not defined/)
})
