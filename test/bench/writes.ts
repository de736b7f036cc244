/** What reaches the disks for an asset: the old design before and after its clean-up, and ours, layer by layer. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { reasonOf } from '#runtime/errors.ts'
import { commit, machine, type Bench, type Metric } from './result.ts'
import { GATHER_US } from './writes/raid5/bounds.ts'
import { DEFAULT_ARRAY } from './writes/raid5/array.ts'
import { renderHtml } from './writes/report/html.ts'
import { renderText } from './writes/report/tables.ts'
import type { VariantFigures, WriteFigures } from './writes/report/variant-figures.ts'
import { nothing, type Experiment, type Outcome, type World } from './writes/variants/experiment.ts'
import { headline } from './writes/variants/headline.ts'
import { idle } from './writes/variants/idle.ts'
import { indexTrials } from './writes/variants/index-trials.ts'
import { kafkaLog } from './writes/variants/kafka-log.ts'
import { layoutTrials } from './writes/variants/layout-trials.ts'
import { replayed } from './writes/variants/replayed.ts'
import { names, sceneExperiments } from './writes/variants/scenes.ts'

const HTML = join(import.meta.dirname, 'writes.html')

const ARRAYS: WriteFigures['arrays'] = [
  { name: '4 disks, 64 KiB', array: DEFAULT_ARRAY, gatherUs: GATHER_US },
  { name: '4 disks, 512 KiB', array: { ...DEFAULT_ARRAY, chunkBytes: 512 << 10 }, gatherUs: GATHER_US },
]

export const writes: Bench = {
  name: 'writes',
  about: 'What reaches the disks for an asset, layer by layer down to the members of a RAID5: the old design before and after its clean-up, and ours, on the same assets.',
  async run({ full, only, html }) {
    const beganMs = performance.now()
    const world: World = {
      full,
      arrays: ARRAYS,
      wants: wanting(only),
      log: (line) => console.log(`${String(Math.round((performance.now() - beganMs) / 1000)).padStart(5)} s  ${line}`),
    }
    const { outcome, failures } = await runAll(experimentsOf(full, only !== undefined), world)
    const figures = reportOf(outcome.variants, [...NOTES, ...outcome.notes])
    console.log(renderText(figures))
    // A part of the variants does not replace the whole report, unless it is given a place of its own.
    if (html !== undefined || only === undefined) writeFileSync(html ?? HTML, renderHtml(figures))
    return { verified: failures.length === 0, metrics: metricsOf(outcome), notes: [...NOTES, ...outcome.notes, ...failures] }
  },
}

/** Most trials of what could be built belong to the whole load, or are asked for by name. */
function experimentsOf(full: boolean, byName: boolean): Experiment[] {
  const all = full || byName
  const trials = [...layoutTrials(all), ...(all ? [indexTrials] : [])]
  return [idle, replayed, kafkaLog, ...sceneExperiments(full), ...trials]
}

/** Everything when nothing is said. */
function wanting(only: string | undefined): World['wants'] {
  const pattern = new RegExp(only ?? '')
  return (name) => pattern.test(name)
}

/** One that fails does not keep the others from being measured: what failed is told, and the result is not verified. */
async function runAll(experiments: Experiment[], world: World): Promise<{ outcome: Outcome; failures: string[] }> {
  const [outcome, failures]: [Outcome, string[]] = [nothing(), []]
  const wanted = experiments.filter((experiment) => experiment.names.some(world.wants))
  if (wanted.length === 0) throw new Error(`nothing is called so; there are ${experiments.flatMap((each) => each.names).join(', ')}`)
  for (const experiment of wanted) {
    try {
      const { variants, metrics, notes } = await experiment.run(world)
      outcome.variants.push(...variants)
      outcome.metrics.push(...metrics)
      outcome.notes.push(...notes)
    } catch (error) {
      const failure = `**Failed**: ${experiment.names.filter(world.wants).join(', ')}: ${reasonOf(error)}`
      world.log(failure)
      console.error(error)
      failures.push(failure)
    }
  }
  return { outcome, failures }
}

function metricsOf({ variants, metrics }: Outcome): Metric[] {
  return [...headline(variants, ARRAYS[0]!.name), ...metrics]
}

function reportOf(variants: VariantFigures[], notes: string[]): WriteFigures {
  const old = names.old('preloaded')
  const baseline = variants.some(({ name }) => name === old) ? { baseline: old } : {}
  return { commit: commit(), machine: machine(), at: new Date().toISOString().slice(0, 10), arrays: ARRAYS, ...baseline, variants, notes, goals: { requests: [0.02, 0.004], bytes: [3_200, 1_500] } }
}

const NOTES = [
  'Assets are made from numbers, the same for every design: a 512-dimensional vector in half precision, hashes, a URI of 72 to 81 characters, ten tags of a vocabulary of 12,000 (Zipf), 2.1 kB of the source\'s own JSON (kept by the old designs and by Kafka); 1 in 20 copies another, 1 in 50 is a video of 3 to 8 key frames.',
  'Each window begins and ends checkpointed, synced and quiet, with rows frozen inside it. Rows are read back and compared by count and digest.',
  'On empty tables ours also writes its dictionary of tags (12,000 names) inside the first window; full ones have it.',
  'Old designs: rows that were there before have everything that indexes hold, but neither JSON nor vector. They have no index for nearest neighbours and no foreign keys.',
  'requests_per_asset is the worse bound of the RAID5 model (every request settled on arrival); `_gathered` is the better one (writes gather for 100 ms or until a flush).',
]
