/**
 * The sink's commit under fire: its connection is cut before, during and after COMMIT, its session ended, its partitions
 * claimed by a rival, its process killed at each step; every row that was put in must be there once and as it was put in.
 * `npm run test:faults -- --sink 200` strikes as often as it is told.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { strikeSink } from './sink/campaign.ts'
import { KILLED_AT, STRIKES } from './sink/strikes.ts'

const seed = process.env['SLUICE_TEST_SEED'] ?? String(Date.now())
const STRIKE_COUNT = 120
const KILLS = 20

test(`after ${STRIKE_COUNT} strikes at its commits and ${KILLS} kills, what the sink has stored is what was put in (seed ${seed})`, { timeout: 600_000 }, async (t) => {
  const { struck, rows, failures, segments, seconds, violations } = await strikeSink({ seed, strikes: STRIKE_COUNT, kills: KILLS })
  t.diagnostic(`${rows} rows in ${segments} segments and ${failures} failures in ${seconds} s; ${Object.entries(struck).map(([name, times]) => `${times} × ${name}`).join(', ')}`)
  assert.deepEqual(violations.slice(0, 20), [])
  assert.ok(segments > 5 && segments < rows / 10, 'batches were appended, and others became segments')
  assert.deepEqual(STRIKES.filter(({ name }) => !struck[name]).map(({ name }) => name), [], 'every strike has fallen')
  assert.deepEqual(KILLED_AT.filter((name) => !struck[`killed at ${name}`]), [], 'a process was killed at every failpoint')
})
