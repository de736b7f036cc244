/** The mutation table as Markdown, in a section of its own of RESULTS.md. */
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
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

export const BEGIN = '<!-- mutants -->'
export const END = '<!-- /mutants -->'

/** The section without its markers. `made`: when, of which commit, on what. */
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

/** Puts the section into the file, in the place of the one that is there. */
export async function record(path: string, section: string): Promise<void> {
  const text = existsSync(path) ? await readFile(path, 'utf8') : '# Results of the delivery tests\n'
  await writeFile(path, withSection(text, section))
}

export function withSection(text: string, section: string): string {
  const whole = `${BEGIN}\n${section}\n${END}`
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (from >= 0 && to > from) return text.slice(0, from) + whole + text.slice(to + END.length)
  return `${text.trimEnd()}\n\n${whole}\n`.trimStart()
}
