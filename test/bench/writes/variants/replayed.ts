/** What a replay of assets that are stored already writes, against their first writing. */
import type { Metric } from '../../result.ts'
import type { AssetRange } from '../assets/asset-series.ts'
import type { VariantFigures } from '../report/variant-figures.ts'
import { ours, writeAgain } from '../subjects/ours.ts'
import { nothing, type Experiment, type Outcome, type World } from './experiment.ts'
import { writtenBytes } from './per-asset.ts'
import { onDatabase, onGround, ROOM } from './scene.ts'
import { figuresOf, measureWindow, type Window } from './window.ts'

const ASSETS = 100_000
const ROWS_PER_COMMIT = 20_000
const MOST = 0.01

export const replayed: Experiment = {
  names: ['replay/first', 'replay/again'],
  run: (world) => onGround(ROOM, world, (ground) => onDatabase(ground, async (databaseUrl) => {
    const range: AssetRange = { from: 0, count: ASSETS }
    const settle = (): Promise<void> => ours.settle(databaseUrl)
    await ours.prepare(databaseUrl, 0)
    world.log('replay/first: written for the first time')
    const first = await measureWindow(ground, { databaseUrl, write: () => ours.write(databaseUrl, range, ROWS_PER_COMMIT), settle })
    world.log('replay/again: the same assets from later offsets')
    const again = await measureWindow(ground, { databaseUrl, write: () => writeAgain(databaseUrl, range, ROWS_PER_COMMIT), settle })
    await ours.verify(databaseUrl, range, ASSETS)
    return outcomeOf(first, again, world)
  })),
}

function outcomeOf(first: Window, again: Window, world: World): Outcome {
  const figures = (name: string, about: string, preloadedRows: number, window: Window): VariantFigures =>
    figuresOf({ name, about, design: 'ours', rowsPerCommit: ROWS_PER_COMMIT, preloadedRows, assets: ASSETS }, window, world.arrays)
  const variants = [
    figures('replay/first', `${ASSETS.toLocaleString('en')} assets for the first time`, 0, first),
    figures('replay/again', 'the same assets from later offsets: unchanged rows', ASSETS, again),
  ]
  const [once, twice] = variants.map(writtenBytes)
  if (!once || twice === undefined) throw new Error('the first run wrote nothing')
  const ratio = twice / once
  const metric: Metric = { name: 'replay_bytes_ratio', value: ratio, unit: '', target: `≤ ${MOST}`, met: ratio <= MOST }
  return { ...nothing(), variants, metrics: [metric] }
}
