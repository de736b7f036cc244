/** `sluice demo`: everything from nothing, checked against what it made. */
import type { Command } from 'commander'
import type { DemoOptions } from '../demo/demo.ts'
import { Screen } from '../screen.ts'

export function demo(program: Command): void {
  program.command('demo').description('start everything privately, put a made set of media through it, and check what comes out')
    .option('--media <folder-or-list>', 'your own files instead; nothing is then expected of them')
    .option('--keep', 'leave it running until `sluice down`')
    .option('--json [file]', 'the summary as JSON, into a file or to standard output')
    .option('--report <file>', 'where the HTML report goes', '.sluice/demo/report.html')
    .option('--seed <text>', 'another set of media').option('--quiet', 'no progress on standard error').exitOverride()
    .action(async (options: DemoOptions, command: Command) => {
      const { runDemo } = await import('../demo/demo.ts')
      const { json, quiet } = command.optsWithGlobals<{ json?: string | boolean; quiet?: boolean }>()
      process.exitCode = await runDemo(options, new Screen({ json: json === true, quiet }))
    })
}
