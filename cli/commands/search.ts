/** `sluice search`: assets that look like a file or an asset, or carry a tag. */
import type { Command } from 'commander'
import { screenOf, settings, withScreen } from '../command.ts'
import { EXIT, UsageError } from '../failure.ts'
import { columns, plain, type Screen } from '../screen.ts'

interface SearchOptions { like?: string; tag?: string; k: string }

export function search(program: Command): void {
  withScreen(program.command('search')).description('find assets by a picture, an asset or a tag; exit 1 when there are none')
    .argument('[words...]', 'not possible yet: search by words needs a text encoder')
    .option('--like <file-or-id>', 'the most similar to this file or asset').option('--tag <name>', 'those with this tag').option('--k <n>', 'how many', '10')
    .action((words: string[], options: SearchOptions, command: Command) => find(words, options, screenOf(command)))
}

async function find(words: string[], { like, tag, k }: SearchOptions, screen: Screen): Promise<void> {
  if (words.length > 0) throw new UsageError('Search by words is not there yet: no text encoder is built in. Use --like FILE, --like ID or --tag NAME.')
  if ((like === undefined) === (tag === undefined)) throw new UsageError('Give --like FILE, --like ID or --tag NAME.')
  const count = Number(k)
  if (!Number.isInteger(count) || count < 1 || count > 10_000) throw new UsageError('--k is a whole number from 1 to 10,000.')
  const config = await settings()
  const { searchLike, searchTag } = await import('../search.ts')
  const hits = like === undefined ? await searchTag(tag!, count, config) : await searchLike(like, count, config)
  screen.answer(hits, () => columns(hits.map(({ id, score, uri, sourceId }) => [id, score.toFixed(3), plain(sourceId ?? uri ?? '')])))
  if (hits.length > 0) return
  screen.note('Nothing was found.')
  process.exitCode = EXIT.no
}
