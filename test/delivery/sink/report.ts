/** What a campaign against the sink's commit tells, as Markdown, in a section of its own of RESULTS.md. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { provenance } from '#test/delivery/faults/report.ts'
import { recordSection } from '#test/support/results-section.ts'
import { strikeSink, type SinkCampaignResult } from './campaign.ts'

const RESULTS = join(import.meta.dirname, '..', 'RESULTS.md')

/** One in six is a kill. */
const KILLS_OF_STRIKES = 1 / 6

export interface SinkRunFlags { sink: number; seed: string; json?: string; record?: true; verbose?: true }

/** `npm run test:faults -- --sink N`. The exit code: 1 when rows do not equal input. */
export async function runSinkCampaign({ sink, seed, json, record, verbose }: SinkRunFlags): Promise<number> {
  const kills = Math.ceil(sink * KILLS_OF_STRIKES)
  const result = await strikeSink({ seed, strikes: sink - kills, kills, say: (line) => { if (verbose) console.error(line) } })
  if (json === '-') console.log(JSON.stringify(result, null, 2))
  else if (json !== undefined) writeFileSync(json, JSON.stringify(result, null, 2))
  if (record) recordSection(RESULTS, 'sink', toMarkdown(result))
  if (json !== '-') console.log(toMarkdown(result))
  return result.violations.length > 0 ? 1 : 0
}

function toMarkdown({ seed, struck, rows, failures, segments, seconds, violations }: SinkCampaignResult): string {
  const { at, commit, machine } = provenance()
  const total = Object.values(struck).reduce((sum, times) => sum + times, 0)
  return [
    '## Strikes at the sink\'s commit', '',
    'Written by `npm run test:faults -- --sink 200 --record`. The stage `store` reads assets from a real broker and commits them to a real',
    'Postgres, small batches by COPY into the open segment and larger ones as segments of their own. Its processes are killed at the',
    'steps of a commit; then its connection is cut before, during and after COMMIT, its session ended and its partitions claimed by a',
    'rival. Afterwards plain SQL must find every asset once and as it was put in, every bad record among the failures, and nothing',
    'else; the topics must hold an announcement of each; and no commit may have been anyone\'s but the owner\'s.', '',
    `${at}, commit ${commit}, ${machine}. Seed ${seed}: ${total} strikes in ${seconds} s, ${rows.toLocaleString('en')} rows and ` +
      `${failures.toLocaleString('en')} failures, ${segments} segments. **${violations.length === 0 ? 'Rows equal input' : `${violations.length} violations`}.**`, '',
    '| strike | times |', '|---|---|',
    ...Object.entries(struck).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, times]) => `| ${name} | ${times} |`),
    ...violations.slice(0, 20).map(({ invariant, detail }) => `- **${invariant}**: ${detail.split('\n')[0]}`),
  ].join('\n')
}
