/**
 * `npm run bench -- NAME [--full] [--json FILE]`: runs a benchmark, prints its table, and keeps it in RESULTS.md.
 * `--only PATTERN` runs a part of `writes`, which is not kept; `--html FILE` says where its picture goes.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { record, runBench, toTable, type Bench } from './result.ts'
import { ann } from './ann.ts'
import { latency } from './latency.ts'
import { pipeline } from './pipeline.ts'
import { runtime } from './runtime.ts'
import { sink } from './sink.ts'
import { snapshot } from './snapshot.ts'
import { writes } from './writes.ts'

const BENCHES: Bench[] = [ann, latency, pipeline, runtime, sink, snapshot, writes]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' }, full: { type: 'boolean', default: false }, only: { type: 'string' }, html: { type: 'string' },
  },
})
const chosen = BENCHES.filter(({ name }) => positionals.includes(name))
if (chosen.length === 0 || chosen.length !== positionals.length) {
  console.error(`usage: npm run bench -- NAME… [--full] [--json FILE] [--only PATTERN] [--html FILE]\n\n${BENCHES.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}`)
  process.exit(2)
}

const results = []
for (const bench of chosen) {
  console.log(`▶ ${bench.name}: ${bench.about}`)
  const result = await runBench(bench, { full: values.full, only: values.only, html: values.html })
  console.log(toTable(result))
  for (const note of result.notes) console.log(`- ${note}`)
  if (values.only === undefined) record(bench, result)
  results.push(result)
}
if (values.json) writeFileSync(values.json, JSON.stringify(results.length === 1 ? results[0] : results, null, 2) + '\n')
process.exitCode = results.every(({ verified }) => verified) ? 0 : 1
