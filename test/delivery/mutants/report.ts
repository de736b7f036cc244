/** The mutation table as Markdown. */
import { describe } from './detectors.ts'
import type { Mutant } from './mutant.ts'

export interface Verdict {
  mutant: Mutant
  /** What the detector reported; undefined when it reported nothing. */
  seen: string | undefined
  seconds: number
  /** Why nothing can be said. */
  error?: string
}

/** `made`: when, of which commit, on what. */
export function tableOf(verdicts: readonly Verdict[], made: string): string {
  const caught = verdicts.filter((verdict) => outcomeOf(verdict).startsWith('caught')).length
  const lines = verdicts.map((verdict) => `| ${cell(verdict.mutant.guard)} | ${cell(verdict.mutant.needed)} | ${cell(outcomeOf(verdict))} | ${verdict.seconds.toFixed(0)} s |`)
  return [
    '## Guards, switched off in turn', '',
    'Each line is the product with one guard less, and what the tests said of it. `npm run test:mutants -- --record` makes this table.', '',
    `${caught} of ${verdicts.length} caught. ${made}`, '',
    '| switched off | without it | what the tests said | time |', '|---|---|---|---|', ...lines,
  ].join('\n')
}

export function outcomeOf({ mutant, seen, error }: Verdict): string {
  if (error !== undefined) return `NO VERDICT: ${error}`
  return seen === undefined ? `SURVIVED ${describe(mutant.seenBy)}` : `caught by ${describe(mutant.seenBy)}: ${seen}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')
}
