/**
 * `npm run test:simulation -- [--seeds N] [--from S] [--json] [--verbose] [--trace] [--stop-at-first] [--reader kafkajs-filter]`
 * Runs seeds S to S+N-1 and exits 1 when one of them broke an invariant.
 */
import { parseArgs } from 'node:util'
import { Coverage } from './coverage.ts'
import type { ReaderName } from './ports/reader.ts'
import { describeOutcome, describeReport, reportOf, type Report } from './report.ts'
import { simulate, type Outcome } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' }, from: { type: 'string', default: '1' }, reader: { type: 'string', default: 'ours' },
    json: { type: 'boolean', default: false }, verbose: { type: 'boolean', default: false }, trace: { type: 'boolean', default: false },
    'stop-at-first': { type: 'boolean', default: false },
  },
})

async function main(): Promise<void> {
  const [from, count] = [wholeNumber('from', values.from), wholeNumber('seeds', values.seeds)]
  if (values.reader !== 'ours' && values.reader !== 'kafkajs-filter') throw new Error(`--reader is ours or kafkajs-filter, not ${values.reader}`)
  const coverage = new Coverage()
  const report = await runSeeds(from, count, values.reader, coverage)
  console.log(values.json ? JSON.stringify(report) : describeReport(report, coverage))
  process.exitCode = report.broken.length > 0 ? 1 : 0
}

async function runSeeds(from: number, count: number, reader: ReaderName, coverage: Coverage): Promise<Report> {
  const broken: Outcome[] = []
  const startedMs = performance.now()
  let slowestFinishMs = 0
  let seed = from
  for (; seed < from + count && !(values['stop-at-first'] && broken.length > 0); seed++) {
    const outcome = await simulate(seed, { reader, ...(values.trace ? { echo: (line: string) => console.log(line) } : {}) })
    coverage.add(outcome.coverage)
    slowestFinishMs = Math.max(slowestFinishMs, outcome.finishMs)
    if (outcome.violations.length > 0) broken.push(outcome)
    if (!values.json) tell(outcome)
  }
  return reportOf({ seeds: seed - from, from, seconds: (performance.now() - startedMs) / 1000, broken, coverage, slowestFinishMs })
}

function tell(outcome: Outcome): void {
  if (values.verbose) console.log(`seed ${outcome.seed}: ${outcome.records} records, ${(outcome.virtualMs / 1000).toFixed(1)} s, ${outcome.violations.length} violations`)
  if (outcome.violations.length > 0) console.log(describeOutcome(values.trace ? { ...outcome, tail: [] } : outcome))
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} is a whole number, not ${text}`)
  return Number(text)
}

await main()
