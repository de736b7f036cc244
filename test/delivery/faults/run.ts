/** `npm run test:faults`: a campaign of faults on real processes. */
import { writeFileSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import { Campaign } from './campaign.ts'
import { ROWS, type Row } from './fault.ts'
import { record, toMarkdown } from './report.ts'
import { runSinkCampaign } from '../sink/report.ts'

interface Flags { minutes?: number; kills?: number; rounds?: number; seed: string; only: Row[]; rate: number; sink?: number; json?: string; keepGoing?: true; record?: true; verbose?: true }

const program = new Command('test:faults')
  .description('Faults on real processes, and an oracle that must find nothing. One round of each fault, unless a bound is given.')
  .option('--minutes <n>', 'rounds for so long', positive)
  .option('--kills <n>', 'rounds until so many processes were killed', positive)
  .option('--rounds <n>', 'so many rounds', positive)
  .option('--seed <seed>', 'of all random choices; a round prints its own', String(Date.now()))
  .option('--only <rows>', `faults by name, such as F1,F4 (${ROWS[0]} to ${ROWS.at(-1)})`, rows, [])
  .option('--rate <n>', 'events a second', positive, 100)
  .option('--sink <n>', 'instead of rounds: so many strikes at the commit of the sink, kills among them', positive)
  .option('--json <file>', 'the figures as JSON; - for standard output')
  .option('--keep-going', 'go on after a violation')
  .option('--record', 'write the figures into test/delivery/RESULTS.md')
  .option('--verbose', 'tell every strike')

function positive(text: string): number {
  const number = Number(text)
  if (!(number > 0)) throw new InvalidArgumentError('must be a number above 0')
  return number
}

function rows(text: string): Row[] {
  const names = text.split(',') as Row[]
  const unknown = names.filter((name) => !ROWS.includes(name))
  if (unknown.length > 0) throw new InvalidArgumentError(`there is no ${unknown.join(', ')}`)
  return names
}

const flags = program.parse().opts<Flags>()
if (flags.sink !== undefined) process.exit(await runSinkCampaign({ ...flags, sink: flags.sink }))

const { minutes, kills, rounds } = flags
const campaign = new Campaign({
  seed: flags.seed, only: flags.only, keepGoing: flags.keepGoing === true, eventsPerSecond: flags.rate,
  ...(minutes ? { minutes } : {}), ...(kills ? { kills } : {}), ...(rounds ? { rounds } : {}),
  say: (line) => console.error(line),
  detail: (line) => { if (flags.verbose) console.error(`    ${line}`) },
})

let asked = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The stage processes and the stack end with us in any case; asked once, we also tidy up.
    if (asked) process.exit(130)
    asked = true
    console.error('ending')
    void campaign.close().finally(() => process.exit(130))
  })
}

const result = await campaign.run()
if (flags.json === '-') console.log(JSON.stringify(result, null, 2))
else if (flags.json !== undefined) writeFileSync(flags.json, JSON.stringify(result, null, 2))
if (flags.record) record(result, kills === undefined ? 'faults' : 'kills')
if (flags.json !== '-') console.log(toMarkdown(result))
process.exit(result.violations.length > 0 ? 1 : 0)
