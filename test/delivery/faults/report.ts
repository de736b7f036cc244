/** A campaign's report as Markdown, in a section of its own of RESULTS.md. */
import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { recordSection } from '#test/support/results-section.ts'
import type { CampaignResult } from './campaign.ts'
import type { FaultFigures, Spread } from './figures.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const RESULTS = join(import.meta.dirname, '..', 'RESULTS.md')

/** Commit and machine, for whoever reads the figures later. */
export function provenance(): { commit: string; machine: string; at: string } {
  return {
    commit: commitOf(),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`,
    at: new Date().toISOString().slice(0, 10),
  }
}

function commitOf(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  try {
    const changes = git('status', '--porcelain', '--', '.', ':!test/**/RESULTS.md') === '' ? '' : ' with changes'
    return git('rev-parse', '--short', 'HEAD') + changes
  } catch {
    return 'unknown' // sources without a repository
  }
}

/** Kills by the hundred are a table of their own beside the matrix. */
export function record(result: CampaignResult, section: 'faults' | 'kills'): void {
  recordSection(RESULTS, section, toMarkdown(result, section === 'kills' ? 'Kills by the hundred' : undefined))
}

export function toMarkdown({ seed, commit, machine, at, minutes, rounds, strikes, kills, events, rows, violations }: CampaignResult, title = 'Faults on real processes'): string {
  const broken = violations.length
  return [
    `## ${title}`, '',
    'Written by `npm run test:faults -- --record`. Two processes for each of three stages (stateless and retrying, stateful, sink), a real broker,',
    'registry and Postgres; events with skewed keys and 2 % poison flow while the faults strike. After each round everything must',
    'be finished within a bounded time, and an oracle that reads with Kafka\'s own client and plain SQL must find nothing.', '',
    `${at}, commit ${commit}, ${machine}. Seed ${seed}: ${rounds} rounds in ${minutes} min, ${events.toLocaleString('en')} events, ` +
      `${strikes.toLocaleString('en')} strikes, ${kills.toLocaleString('en')} processes killed. **${broken === 0 ? 'No violation' : `${broken} violations`}.**`, '',
    '| | fault | runs | fired | violations | recovery s p50 / p95 / max | repeated records a round p50 / max | aborted records a round p50 | rows/s before / during / after | all done after s p50 / max |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...rows.filter(({ runs, notRun }) => runs > 0 || notRun !== undefined).map(rowOf), '',
    '- recovery: from a strike, or from its end where it lasts, until every partition of the stage that was hit has committed again (looked at four times a second). The session time-out is 6 s, so a kill -9 takes at least that.',
    '- repeated: records beyond the first of their event id, on all topics together. They are equal byte for byte, or the oracle would say so.',
    '- rows/s: of the sink. The events come at a steady rate, so "after" is above "before" while the backlog is worked off.',
    '- One broker, one machine: power loss and replication are not tested; clocks of servers are not moved.',
    ...violations.slice(0, 20).map(({ fault, seed: of, invariant, detail }) => `- **${fault}** (seed ${of}): ${invariant}: ${detail.split('\n')[0]}`),
  ].join('\n')
}

function rowOf({ fault, title, runs, fired, violations, recoveryMs, repeated, aborted, perSecond, drainMs, notRun }: FaultFigures): string {
  if (runs === 0) return `| ${fault} | ${title} | not run${notRun ? `: ${notRun}` : ''} | | | | | | | |`
  const names = Object.entries(violations).map(([name, count]) => `${name} ${count}`)
  const cells = [
    fault, title, runs, fired, names.length === 0 ? '0' : names.join(', '), inSeconds(recoveryMs, ['p50', 'p95', 'max']),
    repeated ? `${repeated.p50} / ${repeated.max}` : '', aborted?.p50 ?? '',
    [perSecond.before, perSecond.during, perSecond.after].map((value) => value ?? '–').join(' / '), inSeconds(drainMs, ['p50', 'max']),
  ]
  return `| ${cells.join(' | ')} |`
}

function inSeconds(spread: Spread | undefined, which: (keyof Spread)[]): string {
  return spread === undefined ? '–' : which.map((name) => (spread[name] / 1_000).toFixed(1)).join(' / ')
}
