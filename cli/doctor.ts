/** What the doctor found, as a list for people. */
import { examine, type Finding } from '#stack/doctor.ts'
import { loadEnvFile } from './env-file.ts'
import { EXIT } from './failure.ts'
import { plain, type Screen } from './screen.ts'

const MARKS: Record<Finding['state'], string> = { 'ok': '✓', 'note': '·', 'warning': '!', 'missing': '✗', 'too-old': '✗', 'unsafe': '✗', 'unreachable': '✗' }

/** States with which everything runs. */
const HARMLESS: readonly Finding['state'][] = ['ok', 'note', 'warning']

export async function runDoctor(screen: Screen): Promise<void> {
  loadEnvFile()
  const findings = await examine()
  screen.answer(findings, () => findings.flatMap((finding) => linesOf(finding, screen)).join('\n'))
  process.exitCode = exitCodeFor(findings)
}

export function exitCodeFor(findings: readonly Finding[]): number {
  if (findings.some(({ state }) => state === 'unreachable')) return EXIT.dependency
  return findings.every(({ state }) => HARMLESS.includes(state)) ? EXIT.ok : EXIT.no
}

export function linesOf({ part, state, found, wanted, why, remedy }: Finding, { colours }: Pick<Screen, 'colours'>): string[] {
  const colour = state === 'ok' ? colours.green : HARMLESS.includes(state) ? colours.yellow : colours.red
  const facts = [found, state === 'ok' || wanted === undefined ? undefined : `wanted: ${wanted}`].filter((fact) => fact !== undefined).join('; ')
  const line = `${colour(MARKS[state])} ${part}${state === 'ok' ? '' : ` (${state})`}${facts === '' ? '' : `: ${plain(facts)}`}`
  return [line, ...(why === undefined ? [] : [`    ${plain(why)}`]), ...(remedy === undefined ? [] : [`    → ${plain(remedy)}`])]
}
