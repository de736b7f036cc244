/**
 * `npm run test:simulation -- [--seeds N] [--from S] [--json] [--verbose] [--trace] [--reader kafkajs-filter]`
 * Runs seeds S to S+N-1 and exits 1 when one of them broke an invariant.
 */
import { parseArgs } from 'node:util'
import { Coverage } from './coverage.ts'
import type { ReaderName } from './ports/reader.ts'
import { simulate, type Outcome } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' }, from: { type: 'string', default: '1' }, reader: { type: 'string', default: 'ours' },
    json: { type: 'boolean', default: false }, verbose: { type: 'boolean', default: false }, trace: { type: 'boolean', default: false },
    'stop-at-first': { type: 'boolean', default: false },
  },
})

async function main(): Promise<void> {
  const coverage = new Coverage()
  const broken: Outcome[] = []
  const startedMs = performance.now()
  const [from, count] = [Number(values.from), Number(values.seeds)]
  let run = 0
  let slowestFinishMs = 0
  for (let seed = from; seed < from + count; seed++) {
    const outcome = await simulate(seed, { reader: values.reader as ReaderName, ...(values.trace ? { echo: (line: string) => console.log(line) } : {}) })
    run += 1
    coverage.add(outcome.coverage)
    slowestFinishMs = Math.max(slowestFinishMs, outcome.finishMs)
    if (values.verbose) console.log(`seed ${seed}: ${outcome.records} records, ${(outcome.virtualMs / 1000).toFixed(1)} s, ${outcome.violations.length} violations`)
    if (outcome.violations.length === 0) continue
    broken.push(outcome)
    if (!values.json) report(outcome)
    if (values['stop-at-first']) break
  }
  const seconds = (performance.now() - startedMs) / 1000
  if (values.json) console.log(JSON.stringify({ seeds: run, from, seconds, broken: broken.map(({ coverage: _, tail: __, ...rest }) => rest), coverage: Object.fromEntries(coverage.counts) }))
  else summarise(run, seconds, broken, coverage, slowestFinishMs)
  process.exitCode = broken.length > 0 ? 1 : 0
}

function report({ seed, violations, tail, counts }: Outcome): void {
  console.log(`\nseed ${seed}: ${JSON.stringify(counts)}`)
  for (const { invariant, detail } of violations.slice(0, 8)) console.log(`  ${invariant}: ${detail}`)
  if (!values.trace) console.log(tail.map((line) => `    ${line}`).join('\n'))
}

function summarise(run: number, seconds: number, broken: Outcome[], coverage: Coverage, slowestFinishMs: number): void {
  console.log(`\n${run} seeds in ${seconds.toFixed(1)} s (${(1000 * seconds / run).toFixed(0)} ms each), ${broken.length} broken${broken.length > 0 ? `: ${broken.map(({ seed }) => seed).join(' ')}` : ''}`)
  console.log(`slowest end after the faults: ${(slowestFinishMs / 1000).toFixed(0)} s`)
  console.log(`came to pass: ${coverage.toString()}`)
  const missing = coverage.missing()
  if (missing.length > 0) console.log(`never: ${missing.join(', ')}`)
}

await main()
