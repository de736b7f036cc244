/** The summary as text for a terminal. */
import Table from 'cli-table3'
import pc from 'picocolors'
import { KINDS, RELATIONS } from './facts.ts'
import { counted, distanceRange, duration, plainText, shortened } from './plain-text.ts'
import { checkExpectations, type DemoSummary, type DuplicateGroup } from './summary.ts'

export interface TerminalStyle {
  /** Columns; at least 60 are used. */
  width: number
  colour: boolean
}

type Colours = ReturnType<typeof pc.createColors>
type Cell = string | number | { content: string; hAlign: 'right' }

const MOST_LISTED = 12

/** The style that suits a stream; NO_COLOR and the like are honoured. */
export function styleOf(stream: { isTTY?: boolean; columns?: number }): TerminalStyle {
  return { width: stream.columns ?? 80, colour: stream.isTTY === true && pc.isColorSupported }
}

/** Lines of at most `style.width` columns, ending with a newline. */
export function renderSummary(summary: DemoSummary, style: TerminalStyle): string {
  const colours = pc.createColors(style.colour)
  const width = Math.max(60, Math.min(style.width, 120))
  const sections = [
    headline(summary, colours), kindTable(summary), problemList(summary, width), duplicateTable(summary.duplicates, width), clusterTable(summary, width),
    failureTable(summary, width), searchTable(summary, width), latencyTable(summary), pointerList(summary, colours),
  ]
  const titled = sections.flatMap(({ title, body }) => (body === '' ? [] : [title === '' ? body : `${colours.bold(title)}\n${body}`]))
  return `${titled.join('\n\n')}\n`
}

interface Section {
  title: string
  body: string
}

function headline(summary: DemoSummary, colours: Colours): Section {
  const { submitted, stored, failed } = summary.counts
  const sum = submitted === stored + failed ? '=' : '≠'
  const problems = checkExpectations(summary).length
  const verdict = problems === 0 ? colours.green('✓ everything as expected') : colours.red(`✗ ${counted(problems, 'thing')} not as expected`)
  return { title: '', body: `${counted(submitted, 'item')} submitted ${sum} ${counted(stored, 'row')} + ${counted(failed, 'failure')}, in ${duration(summary.elapsedMs)}\n${verdict}` }
}

function kindTable({ byKind }: DemoSummary): Section {
  const rows = KINDS.filter((kind) => RELATIONS.some((relation) => byKind[kind][relation] > 0))
    .map((kind) => [kind, ...RELATIONS.map((relation) => right(byKind[kind][relation]))])
  return { title: 'Rows by kind and relation', body: table(['', ...RELATIONS.map(right)], rows) }
}

function problemList(summary: DemoSummary, width: number): Section {
  const problems = checkExpectations(summary)
  const listed = problems.slice(0, MOST_LISTED).flatMap((problem) => wrapped(problem, width - 4).map((line, i) => `  ${i === 0 ? '✗' : ' '} ${line}`))
  return { title: 'Not as expected', body: [...listed, ...more(problems.length)].join('\n') }
}

function duplicateTable(groups: readonly DuplicateGroup[], width: number): Section {
  const copied = RELATIONS.filter((relation) => relation !== 'original')
  const rows = groups.slice(0, MOST_LISTED).map(({ original, copies }) => {
    const counts = copied.map((relation) => copies.filter((copy) => copy.relation === relation).length || '')
    return [shortened(original, width - 52), ...counts.map(right), right(distanceRange(copies.map((copy) => copy.distance)))]
  })
  return { title: 'Copies, by their original', body: [table(['', ...copied.map(right), right('distance')], rows), ...more(groups.length)].join('\n') }
}

function clusterTable({ clusters, purity, model }: DemoSummary, width: number): Section {
  const rows = clusters.slice(0, MOST_LISTED).map(({ cluster, size, family, purity: own, members }) => (
    [right(cluster), right(size), own === null ? '' : `${percent(own)} ${family}`, fitting(members, width - 42)]
  ))
  const agreement = purity === null ? '' : `, ${percent(purity)} of the assets with their own family`
  return { title: `Clusters${model ? ` by ${plainText(model)}` : ''}${agreement}`, body: [table([right('cluster'), right('size'), 'mostly', 'for example'], rows), ...more(clusters.length)].join('\n') }
}

function failureTable({ failures }: DemoSummary, width: number): Section {
  const rows = failures.slice(0, MOST_LISTED).flatMap(({ name, code, reason }) => (
    [`  ${shortened(name, 28).padEnd(28)}  ${code}`, ...wrapped(plainText(reason).slice(0, 300), width - 6).map((line) => `      ${line}`)]
  ))
  return { title: 'Failures, with their reason', body: [...rows, ...more(failures.length)].join('\n') }
}

function searchTable({ searches }: DemoSummary, width: number): Section {
  const rows = searches.slice(0, MOST_LISTED).map(({ query, hits }) => (
    [shortened(query, 24), hits.slice(0, 4).map((hit) => `${shortened(hit.name, 24)} ${hit.similarity.toFixed(2)}`).join(', ')]
  ))
  return { title: 'Most similar', body: table(['to', 'are'], rows, [26, width - 28]) }
}

function latencyTable({ latency, commits }: DemoSummary): Section {
  const rows = latency.map(({ kind, count, p50Ms, p95Ms, maxMs }) => [kind, right(count), ...[p50Ms, p95Ms, maxMs].map((ms) => right(duration(ms)))])
  const commit = commits ? `\n  ${counted(commits.rows, 'row')} in ${counted(commits.commits, 'commit')} (median ${commits.medianRows}, most ${commits.maxRows})` : ''
  return { title: 'From submission to row', body: table(['', right('count'), right('p50'), right('p95'), right('max')], rows) + commit }
}

/** Commands are not wrapped, so that they can be copied. */
function pointerList({ pointers }: DemoSummary, colours: Colours): Section {
  return { title: 'Where to look next', body: pointers.map(({ what, command }) => `  ${plainText(what)}\n    ${colours.cyan(plainText(command))}`).join('\n') }
}

function right(content: string | number): Cell {
  return { content: String(content), hAlign: 'right' }
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

/** Columns without lines between them; empty when there are no rows. */
function table(head: Cell[], rows: Cell[][], widths?: number[]): string {
  if (rows.length === 0) return ''
  const none = Object.fromEntries(['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right', 'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'].map((side) => [side, '']))
  const built = new Table({
    chars: none, style: { 'head': [], 'border': [], 'padding-left': 2, 'padding-right': 0 }, wordWrap: true, wrapOnWordBoundary: true, ...(widths ? { colWidths: widths } : {}),
  })
  built.push(head, ...rows)
  return built.toString().split('\n').map((line) => line.trimEnd()).join('\n')
}

function more(count: number): string[] {
  return count > MOST_LISTED ? [`  and ${count - MOST_LISTED} more`] : []
}

/** As many of the names as one line takes. */
function fitting(names: readonly string[], width: number): string {
  let line = ''
  for (const name of names) {
    const longer = line === '' ? shortened(name, width) : `${line}, ${plainText(name)}`
    if (longer.length > width) break
    line = longer
  }
  return line
}

function wrapped(text: string, width: number): string[] {
  const lines = ['']
  for (const word of plainText(text).split(' ')) {
    const line = lines.at(-1)!
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
