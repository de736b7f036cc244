/** `sluice asset`: everything known about one asset. */
import type { Command } from 'commander'
import { screenOf, settings, withScreen } from '../command.ts'
import { EXIT } from '../failure.ts'
import type { Screen } from '../screen.ts'

export function asset(program: Command): void {
  withScreen(program.command('asset')).description('facts, verdict, copies, neighbours, failures and trace of an asset; exit 1 when it is unknown')
    .argument('<id>', 'asset id').action((id: string, _, command: Command) => show(id, screenOf(command)))
}

async function show(id: string, screen: Screen): Promise<void> {
  const { databaseUrl } = await settings()
  const [{ openCatalogue }, { renderAsset, traceIdOf }] = await Promise.all([import('#client/catalogue.ts'), import('../asset-text.ts')])
  const catalogue = openCatalogue(databaseUrl)
  try {
    const report = await catalogue.asset(id)
    const traceId = traceIdOf(id, report)
    screen.answer({ ...report, traceId }, () => renderAsset(id, report, traceId))
    if (report.asset === null && report.failures.length === 0) process.exitCode = EXIT.no
  } finally {
    await catalogue.close()
  }
}
