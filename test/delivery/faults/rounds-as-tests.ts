/**
 * Rounds of faults as tests. Rows of the matrix that leave each other alone share a round, so that each is struck a few
 * times within minutes; `npm run test:faults` strikes more often. All choices come from SLUICE_TEST_SEED, which is printed.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Arena } from './arena.ts'
import { mountSmallDisk } from './disk.ts'
import type { Fault, Row } from './fault.ts'
import { FAULTS } from './faults.ts'
import { runRound, type RoundResult } from './round.ts'

const seed = process.env['SLUICE_TEST_SEED'] ?? String(Date.now())

export interface Shared {
  /** Strikes of each row. */
  rows: Partial<Record<Row, number>>
  /** Longest time for the faults. */
  faultSeconds: number
}

const EVENTS_PER_SECOND = 80
const ROUND_TIMEOUT_MS = 300_000

/** One test for each round, on a stack of its own for the file. */
export function testRounds(rounds: readonly Shared[]): void {
  let arena: Arena
  before(async () => { arena = await Arena.open() }, { timeout: 120_000 })
  after(() => arena?.close(), { timeout: 60_000 })
  for (const { rows, faultSeconds } of rounds) {
    const faults = FAULTS.filter(({ name }) => name in rows)
    const impossible = faults.map((fault) => fault.impossible?.()).find((reason) => reason !== undefined)
    const roundSeed = `${seed}.${faults[0]!.name}`
    const name = `${faults.map((fault) => `${fault.name} ${fault.title}`).join('; ')} (seed ${roundSeed})`
    test(name, { timeout: ROUND_TIMEOUT_MS, skip: impossible ?? false }, async (t) => {
      const result = await inArena(faults, arena, (place) => runRound(place, {
        seed: roundSeed, faults, strikes: (fault) => rows[fault.name] ?? 1, faultMs: faultSeconds * 1_000, eventsPerSecond: EVENTS_PER_SECOND,
      }))
      for (const fault of faults) {
        await t.test(`${fault.name} struck`, () => assert.ok(strikesOf(result, fault.name) > 0, `${fault.name} never struck; seed ${roundSeed}`))
      }
      await t.test('nothing was lost, doubled or contradicted, and all was finished', () => {
        assert.equal(result.broken.map(({ invariant, detail }) => `${invariant}: ${detail}`).join('\n'), '', `seed ${roundSeed}`)
      })
      t.diagnostic(told(result))
    })
  }
}

function told(result: RoundResult): string {
  const { rows, events, kills, drainMs, totalMs } = result
  return `${events} events, ${rows.map((row) => `${strikesOf(result, row)} × ${row}`).join(', ')}, ${kills} kills, ` +
    `done ${(drainMs / 1_000).toFixed(1)} s after the faults, ${(totalMs / 1_000).toFixed(0)} s in all`
}

function strikesOf({ strikes }: RoundResult, row: Row): number {
  return strikes.filter((strike) => strike.row === row).reduce((sum, { count = 1 }) => sum + count, 0)
}

/** The shared one, or one on a disk that can be filled. */
async function inArena<T>(faults: readonly Fault[], shared: Arena, run: (place: Arena) => Promise<T>): Promise<T> {
  if (!faults.some(({ needs }) => needs?.smallDisk)) return run(shared)
  const disk = mountSmallDisk()
  try {
    const own = await Arena.open(disk.dir)
    try {
      return await run(own)
    } finally {
      await own.close()
    }
  } finally {
    disk.unmount()
  }
}
