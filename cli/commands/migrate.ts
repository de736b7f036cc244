/** `sluice migrate`: brings the database to this program's tables. */
import type { Command } from 'commander'
import { join } from 'node:path'
import { screenOf, settings, withScreen } from '../command.ts'
import type { Screen } from '../screen.ts'

export const MIGRATIONS = join(import.meta.dirname, '../../migrations')

export function migrate(program: Command): void {
  withScreen(program.command('migrate')).description('apply the migrations that the database lacks')
    .action((_, command: Command) => apply(screenOf(command)))
}

async function apply(screen: Screen): Promise<void> {
  const { databaseUrl } = await settings()
  const { migrate: applyMissing } = await import('#runtime/postgres/migrate.ts')
  const applied = await applyMissing({ databaseUrl, dir: MIGRATIONS, log: (line) => screen.note(line) })
  screen.answer({ applied }, () => (applied.length === 0 ? 'The database is up to date.' : `${applied.length} migrations applied.`))
}
