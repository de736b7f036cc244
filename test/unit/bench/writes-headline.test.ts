/** The figures that the benchmark `writes` is judged by, from figures that can be divided by hand. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headline } from '#test/bench/writes/variants/headline.ts'
import { names } from '#test/bench/writes/variants/scenes.ts'
import type { DeviceFigures, VariantFigures } from '#test/bench/writes/report/variant-figures.ts'

const ARRAY = 'test'

function device(bytes: number, gathered: number, immediate: number): DeviceFigures {
  const cost = (requests: number): any => ({ requests })
  return {
    bios: { requests: 1, bytes, flushes: 0 }, requests: { requests: 1, bytes, flushes: 0 },
    raid5: { [ARRAY]: { gathered: cost(gathered), immediate: cost(immediate) } },
  }
}

function variant(name: string, assets: number, devices: VariantFigures['devices']): VariantFigures {
  return {
    name, about: '', design: 'ours', rowsPerCommit: 1, preloadedRows: 0, assets, devices, notes: [],
    sql: { statements: 1, rows: 1, commits: 1 }, wal: { requests: 1, bytes: assets * 500, fullPageImages: 0 }, pages: { requests: 1, bytes: 8192 }, systemCalls: { absent: 'not here' },
  }
}

const ours = variant(names.ours('preloaded'), 1_000, { data: device(1_500_000, 4, 6), wal: device(500_000, 2, 4) })
const old = variant(names.old('preloaded'), 100, { data: device(800_000, 150, 300), wal: device(200_000, 50, 100) })

const valuesOf = (variants: VariantFigures[]): Record<string, number> => Object.fromEntries(headline(variants, ARRAY).map(({ name, value }) => [name, value]))

test('requests and bytes are those of data and WAL together, divided by the assets', () => {
  assert.deepEqual(valuesOf([ours]), { requests_per_asset: 0.01, requests_per_asset_gathered: 0.006, bytes_per_asset: 2_000, wal_bytes_per_asset: 500 })
})

test('the old design\'s cost is told as a multiple of ours', () => {
  // 400 requests for 100 assets against 10 for 1,000; 10,000 bytes an asset against 2,000.
  const values = valuesOf([ours, old])
  assert.equal(values['ratio_to_old'], 400)
  assert.equal(values['bytes_ratio_to_old'], 5)
})

test('a target is met or not by the worse bound', () => {
  const [first, second] = [ours, variant(names.ours('preloaded'), 1_000, { data: device(1, 4, 26), wal: device(1, 2, 4) })]
    .map((figures) => headline([figures], ARRAY).find(({ name }) => name === 'requests_per_asset')!)
  assert.equal(first!.met, true)
  assert.equal(second!.met, false)
})

test('without devices there are no figures, rather than wrong ones', () => {
  const blind = variant(names.ours('preloaded'), 1_000, { data: { absent: 'no root' }, wal: { absent: 'no root' } })
  assert.deepEqual(headline([blind], ARRAY), [])
})
