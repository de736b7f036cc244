/** `sluice submit`: files, folders and URIs into the pipeline. */
import type { Command } from 'commander'
import { screenOf, settings, withScreen } from '../command.ts'
import { UsageError } from '../failure.ts'
import type { Screen } from '../screen.ts'
import type { SubmitOptions } from '../submit.ts'

export function submit(program: Command): void {
  withScreen(program.command('submit')).description('submit files, folders and URIs; prints an asset id for each')
    .argument('[what...]', 'files, folders, http(s), file and blob URIs; - reads lines from standard input')
    .option('--from <list>', 'a file with one path, URI or JSON submission a line')
    .option('--source <name>', 'name of the producing system', 'cli')
    .option('--tag <tag>', 'a tag for all of them; may be repeated', (tag, tags: string[]) => [...tags, tag], [])
    .option('--by-path', 'submit file: URIs instead of copying into the blob store')
    .option('--wait', 'wait until each is stored; exit 1 when one fails')
    .option('--timeout <seconds>', 'longest wait for one asset', '300')
    .action((what: string[], options: SubmitOptions, command: Command) => run(what, options, screenOf(command)))
}

async function run(what: string[], options: SubmitOptions, screen: Screen): Promise<void> {
  if (what.length === 0 && options.from === undefined) throw new UsageError('Name what to submit: files, folders, URIs, or - for standard input.')
  if (!(Number(options.timeout) > 0)) throw new UsageError('--timeout is a number of seconds.')
  const { submitAll } = await import('../submit.ts')
  process.exitCode = await submitAll(what, options, await settings(), screen)
}
