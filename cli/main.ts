/** The command line. Each command's own modules are loaded when it runs, so that help and errors come at once. */
import { Command, CommanderError } from 'commander'
import { systemClock } from '#runtime/clock.ts'
import { asset } from './commands/asset.ts'
import { demo } from './commands/demo.ts'
import { doctor } from './commands/doctor.ts'
import { migrate } from './commands/migrate.ts'
import { model } from './commands/model.ts'
import { run } from './commands/run.ts'
import { search } from './commands/search.ts'
import { status } from './commands/status.ts'
import { submit } from './commands/submit.ts'
import { topics } from './commands/topics.ts'
import { down, up } from './commands/up.ts'
import { EXIT, showFailure } from './failure.ts'
import { Screen } from './screen.ts'

const LINGER_MS = 5_000

const program = new Command('sluice')
  .description('A media pipeline on Kafka: from asset events to one Postgres row per asset.')
  .option('--json', 'answer in JSON, one value a line')
  .option('--quiet', 'no progress on standard error')
  .enablePositionalOptions()
  .exitOverride()
  .showHelpAfterError('(sluice --help lists the commands)')
  .addHelpText('after', '\nExit codes: 0 ok, 1 no, 2 usage, 3 refused for safety, 4 a dependency is away.\nSettings come from the environment: KAFKA_BROKERS, SCHEMA_REGISTRY_URL, DATABASE_URL, SLUICE_*.')

for (const declare of [demo, up, down, doctor, topics, migrate, run, submit, status, asset, search, model]) declare(program)

// The reader of a pipe may have enough and go, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.no))

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? EXIT.ok : EXIT.usage) : await fail(error)
}

// A command is over when it says so; a connection that a library left open must not hold the process up.
systemClock.every(LINGER_MS, () => process.exit())

async function fail(error: unknown): Promise<number> {
  return showFailure(error, new Screen({ json: process.argv.includes('--json') }), await isDebugging())
}

async function isDebugging(): Promise<boolean> {
  const { loadConfig } = await import('#runtime/config.ts')
  try {
    return ['debug', 'trace'].includes(loadConfig().logLevel)
  } catch {
    return false // the settings are what is being complained about
  }
}
