/** `sluice up` and `sluice down`: the private stack, for development. */
import type { Command } from 'commander'
import { screenOf, withScreen } from '../command.ts'

export function up(program: Command): void {
  withScreen(program.command('up')).description('start a private Kafka, schema registry and Postgres under .sluice/, with topics and tables')
    .option('--detach', 'return when it is up, and leave it running until `sluice down`')
    .action(async (options: { detach?: boolean }, command: Command) => {
      const { startPrivateStack } = await import('../private-stack.ts')
      await startPrivateStack(screenOf(command), options.detach ?? false)
    })
}

export function down(program: Command): void {
  withScreen(program.command('down')).description('stop what `up --detach` or `demo --keep` left running; data are kept')
    .action(async (_, command: Command) => {
      const { stopPrivateStack } = await import('../private-stack.ts')
      await stopPrivateStack(screenOf(command))
    })
}
