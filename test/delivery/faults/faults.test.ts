/**
 * Every row of the fault matrix on real processes, each a few times; `npm run test:faults` does more of it. Rows that leave
 * each other alone share a round. A failure names the seed, and `npm run test:faults -- --only ROW --seed SEED --rounds 1`
 * strikes in the same order again.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Arena } from './arena.ts'
import { mountSmallDisk } from './disk.ts'
import type { Fault, Row } from './fault.ts'
import { FAULTS } from './faults.ts'
import { runRound, type RoundResult } from './round.ts'

const seed = process.env['SLUICE_TEST_SEED'] ?? String(Date.now())

interface Shared { rows: Partial<Record<Row, number>>; faultSeconds: number }

/** Strikes of each row. Those that strike when the world has come to rest stand last, in the order in which they do. */
const ROUNDS: readonly Shared[] = [
  { rows: { F1: 40, F12: 1, F16: 1 }, faultSeconds: 50 },
  { rows: { F2: 3, F17: 1 }, faultSeconds: 45 },
  { rows: { F3: 12, F14: 1, F18: 1 }, faultSeconds: 35 },
  { rows: { F4: 6, F11: 3 }, faultSeconds: 35 },
  { rows: { F5: 8, F10: 5 }, faultSeconds: 30 },
  { rows: { F6: 2, F8: 3 }, faultSeconds: 45 },
  { rows: { F7: 1 }, faultSeconds: 60 },
  { rows: { F9: 8 }, faultSeconds: 35 },
  { rows: { F15: 6, F19: 6 }, faultSeconds: 30 },
  { rows: { F13: 1 }, faultSeconds: 30 },
  { rows: { F20: 12 }, faultSeconds: 30 },
]

const EVENTS_PER_SECOND = 80
const ROUND_TIMEOUT_MS = 300_000

let arena: Arena
before(async () => { arena = await Arena.open() }, { timeout: 120_000 })
after(() => arena?.close(), { timeout: 60_000 })

for (const [index, { rows, faultSeconds }] of ROUNDS.entries()) {
  const faults = FAULTS.filter(({ name }) => name in rows)
  const impossible = faults.map((fault) => fault.impossible?.()).find((reason) => reason !== undefined)
  const roundSeed = `${seed}.${index}`
  test(`${faults.map(({ name, title }) => `${name} ${title}`).join('; ')} (seed ${roundSeed})`, { timeout: ROUND_TIMEOUT_MS, skip: impossible ?? false }, async (t) => {
    const result = await inArena(faults, (place) => runRound(place, {
      seed: roundSeed, faults, strikes: (fault) => rows[fault.name] ?? 1, faultMs: faultSeconds * 1_000, eventsPerSecond: EVENTS_PER_SECOND,
    }))
    for (const fault of faults) {
      await t.test(`${fault.name} struck`, () => assert.ok(strikesOf(result, fault.name) > 0, `${fault.name} never struck; seed ${roundSeed}`))
    }
    await t.test('nothing was lost, doubled or contradicted', () => {
      assert.equal(result.broken.map(({ invariant, detail }) => `${invariant}: ${detail}`).join('\n'), '', `seed ${roundSeed}`)
    })
    t.diagnostic(`${result.events} events, ${faults.map(({ name }) => `${strikesOf(result, name)} × ${name}`).join(', ')}, ${result.kills} kills, ` +
      `done ${(result.drainMs / 1_000).toFixed(1)} s after the faults, ${(result.totalMs / 1_000).toFixed(0)} s in all`)
  })
}

function strikesOf({ strikes }: RoundResult, row: Row): number {
  return strikes.filter((strike) => strike.row === row).reduce((sum, { count = 1 }) => sum + count, 0)
}

/** The shared one, or one on a disk that can be filled. */
async function inArena<T>(faults: readonly Fault[], run: (place: Arena) => Promise<T>): Promise<T> {
  if (!faults.some(({ needs }) => needs?.smallDisk)) return run(arena)
  const disk = mountSmallDisk()
  const own = await Arena.open(disk.dir)
  try {
    return await run(own)
  } finally {
    await own.close()
    disk.unmount()
  }
}
