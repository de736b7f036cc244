/** How a command ends: its exit code, and what it says when it fails. */
import { Halt, reasonOf, verdictOf } from '#runtime/errors.ts'
import { plain, type Screen } from './screen.ts'

export const EXIT = {
  ok: 0,
  /** The answer is no: unknown, not as expected, failed. */
  no: 1,
  usage: 2,
  /** Refused, because it might lose something. */
  refused: 3,
  /** Something that it depends on is away. */
  dependency: 4,
  interrupted: 130,
} as const

/** A command that cannot be carried out as it was written. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const CLASSES: readonly (readonly [RegExp, number])[] = [
  [/^(config\.invalid|topology\.no-such-stage|model\.unknown)$/, EXIT.usage],
  [/^topics\.refused$/, EXIT.refused],
  [/^(kafka\.(unreachable|send-timeout)|registry\.unreachable|postgres\.away|postgres\.unreachable)$/, EXIT.dependency],
  [/^(stack\.|demo\.no-)/, EXIT.dependency],
]

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || (error instanceof Error && error.name === 'InvalidSubmissionError')) return EXIT.usage
  const code = verdictOf(error)?.code ?? ''
  return CLASSES.find(([pattern]) => pattern.test(code))?.[1] ?? EXIT.no
}

/** Remedies of verdicts that bring none. */
const REMEDIES: Record<string, string> = {
  'registry.unreachable': 'Start the schema registry, or set SCHEMA_REGISTRY_URL; `sluice doctor` shows what is missing.',
  'postgres.away': 'Start Postgres, or set DATABASE_URL; `sluice doctor` shows what is missing.',
  'kafka.send-timeout': 'Look at the broker; `sluice doctor` shows what is missing.',
}

export interface FailureText { code: string; reason: string; remedy: string | undefined }

export function describeFailure(error: unknown): FailureText {
  const verdict = verdictOf(error)
  const code = verdict?.code ?? (exitCodeOf(error) === EXIT.usage ? 'usage' : 'unexpected')
  // A Halt may name several problems, one a line.
  const reason = verdict instanceof Halt ? verdict.message : reasonOf(verdict ?? error)
  return { code, reason, remedy: verdict instanceof Halt ? verdict.remedy : REMEDIES[code] }
}

/** Shows the failure: on standard error for people, on standard output as JSON. Resolves to the exit code. */
export function showFailure(error: unknown, screen: Screen, withStack: boolean): number {
  const failure = describeFailure(error)
  if (screen.json) process.stdout.write(`${JSON.stringify({ error: failure })}\n`)
  process.stderr.write(`error ${failure.code}: ${failure.reason.split('\n').map(plain).join('\n')}\n`)
  if (failure.remedy !== undefined) process.stderr.write(`→ ${failure.remedy}\n`)
  if (withStack && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return exitCodeOf(error)
}
