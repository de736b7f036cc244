/** Postgres' errors as verdicts, by SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
import { DatabaseError } from 'pg'
import { UnencodableRow } from './copy-in.ts'
import { Halt, reasonOf, RetryLater, verdictOf } from '../errors.ts'

export const CODES = {
  'postgres.away': 'Postgres did not answer, ended the connection or is short of resources. The work is tried again.',
  'postgres.login': 'Postgres refuses the login, or has no such database. Correct DATABASE_URL.',
  'postgres.schema': 'A table, column or right that is needed is missing. Run `sluice migrate`.',
  'postgres.unexpected': 'Postgres answered with an error that this program does not know.',
  'postgres.no-vector': 'The extension pgvector is missing or older than 0.8.',
  'postgres.unsafe-settings': 'With these settings the server may lose rows that were announced as stored. `sluice doctor` explains them.',
  'migrate.edited': 'A migration that was applied reads differently now. Restore its file and add a new one.',
  'migrate.ahead': 'The database has migrations that this program does not know. Run the newer program.',
  'migrate.numbering': 'The files of migrations are not numbered 0001, 0002, … without gaps.',
  'migrate.failed': 'A migration could not be applied; the database is as before it.',
  'sink.fenced': 'Another owner has claimed the partition.',
  'sink.failing': 'Most records of a batch became no row, which is no fault of theirs.',
  'sink.out-of-step': 'The database is at another offset than the sink believed. It claims again.',
} as const

/** Data that a row brought with it: bad values, violated constraints, and rows too big for a page (54). */
const ROW_CLASSES = ['22', '23', '54']

/** Connection, rollback (deadlock), resources, operator's intervention. */
const WORLD_CLASSES = ['08', '40', '53', '57']

/** Lock timeout; ended by a timeout in a transaction; a standby after a fail-over. */
const WORLD_CODES = ['55P03', '25P03', '25P04', '25006']

/** Whether Postgres refused what the row holds, so that the same statement without that row may succeed. */
export function isRowError(error: unknown): error is DatabaseError | UnencodableRow {
  return error instanceof UnencodableRow || (error instanceof DatabaseError && ROW_CLASSES.includes(classOf(error)))
}

/** Whether the row is there already. */
export function isKeyConflict(error: Error, table: string): boolean {
  return error instanceof DatabaseError && error.code === '23505' && error.table === table && error.constraint === `${table}_pkey`
}

/**
 * The place of the row that a COPY into this table was refused for, from 0; undefined when the error does not say it.
 * Postgres tells it in the error's context, as a line.
 */
export function refusedRow(error: Error, table: string): number | undefined {
  if (error instanceof UnencodableRow) return error.table === table ? error.index : undefined
  const [, name, line] = /^COPY (\S+), line (\d+)/m.exec((error instanceof DatabaseError ? error.where : undefined) ?? '') ?? []
  return name === table ? Number(line) - 1 : undefined
}

export function isLockTimeout(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '55P03'
}

/** The verdict on an error that is not a row's. A verdict stays what it is. */
export function verdictOnPostgres(error: unknown): RetryLater | Halt {
  const verdict = verdictOf(error)
  if (verdict instanceof RetryLater || verdict instanceof Halt) return verdict
  if (!(error instanceof DatabaseError)) return verdictOnConnection(error)
  const reason = `${error.message} (SQLSTATE ${error.code ?? 'none'})`
  if (WORLD_CLASSES.includes(classOf(error)) || WORLD_CODES.includes(error.code ?? '')) return new RetryLater('postgres.away', reason, { cause: error })
  if (classOf(error) === '28' || classOf(error) === '3D') return new Halt('postgres.login', reason, 'Correct DATABASE_URL.', { cause: error })
  if (classOf(error) === '42') return new Halt('postgres.schema', reason, 'Run `sluice migrate`.', { cause: error })
  return new Halt('postgres.unexpected', reason, 'Look at the log of Postgres; when the cause is removed, start the sink again.', { cause: error })
}

/** Without an answer of the server it is the network's fault, or a defect of ours, which must not be tried for ever. */
function verdictOnConnection(error: unknown): RetryLater | Halt {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) {
    return new Halt('postgres.unexpected', reasonOf(error), 'This is a defect of the sink: report it with the log.', { cause: error })
  }
  return new RetryLater('postgres.away', reasonOf(error), { cause: error })
}

function classOf(error: DatabaseError): string {
  return (error.code ?? '').slice(0, 2)
}
