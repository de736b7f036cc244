/** `sluice doctor`: what is missing. */
import type { Command } from 'commander'
import { screenOf, withScreen } from '../command.ts'

export function doctor(program: Command): void {
  withScreen(program.command('doctor')).description('check broker, registry, Postgres, model, tools and disk')
    .action(async (_, command: Command) => {
      const { runDoctor } = await import('../doctor.ts')
      await runDoctor(screenOf(command))
    })
}
