/** The variants as a table: one row each, per asset. */
import Table from 'cli-table3'
import { findLine, layerLines, type LayerLine } from './layer-lines.ts'
import { escapeCell } from './markup.ts'
import { numberText, rangeText } from './number-text.ts'
import type { VariantFigures, WriteFigures } from './variant-figures.ts'

const UNKNOWN = '–'

export interface TableText {
  head: string[]
  rows: string[][]
  /** What the cells cannot say: layers that were not seen, and the variants' own notes. */
  remarks: string[]
}

export function renderText(figures: WriteFigures): string {
  const { head, rows, remarks } = tableOf(figures)
  const table = new Table({ head, style: { head: [], border: [], compact: true }, colAligns: head.map((_, index) => (index === 0 ? 'left' : 'right')) })
  table.push(...rows)
  return [caption(figures), table.toString(), ...remarks.map((remark) => `- ${remark}`)].join('\n')
}

export function renderMarkdown(figures: WriteFigures): string {
  const { head, rows, remarks } = tableOf(figures)
  const line = (cells: string[]): string => `| ${cells.map(escapeCell).join(' | ')} |`
  const rule = `|---|${'---:|'.repeat(head.length - 1)}`
  return [caption(figures), '', line(head), rule, ...rows.map(line), '', ...remarks.map((remark) => `- ${escapeCell(remark)}`), ''].join('\n')
}

/** What the numbers are. */
export function caption({ arrays }: WriteFigures): string {
  const members = arrays.map(({ name }) => name).join('; ')
  return `Per asset. Bytes are those written to data and WAL before parity; member requests are reads and writes of all members of a RAID5 (${members}), from the lower bound of the model to the upper.`
}

export function tableOf(figures: WriteFigures): TableText {
  const { arrays, variants, baseline } = figures
  const lines = new Map(variants.map((variant) => [variant, layerLines(variant, arrays)]))
  const base = variants.find(({ name }) => name === baseline)
  const columns = columnsFor(figures, base && lines.get(base)!)
  return {
    head: columns.map(({ head }) => head),
    rows: variants.map((variant) => columns.map(({ cell }) => cell(variant, lines.get(variant)!))),
    remarks: [...absences(lines), ...variants.flatMap(({ name, notes }) => notes.map((note) => `${name}: ${note}`))],
  }
}

interface Column {
  /** Its lines are broken only in a table of text. */
  head: string
  cell(variant: VariantFigures, lines: readonly LayerLine[]): string
}

function columnsFor({ arrays, variants }: WriteFigures, base: readonly LayerLine[] | undefined): Column[] {
  const kafka = variants.some(({ devices }) => devices.kafka !== undefined)
  return [
    { head: 'variant', cell: ({ name }) => name },
    { head: 'rows a\ncommit', cell: ({ rowsPerCommit }) => numberText(rowsPerCommit) },
    { head: 'preloaded', cell: ({ preloadedRows }) => numberText(preloadedRows) },
    { head: 'assets', cell: ({ assets }) => numberText(assets) },
    { head: 'statements', cell: (_, lines) => shown(findLine(lines, 'sql', 'server')?.requests) },
    { head: 'WAL\nbytes', cell: (_, lines) => shown(findLine(lines, 'wal', 'server')?.bytes) },
    { head: 'pages', cell: (_, lines) => shown(findLine(lines, 'pages', 'server')?.requests) },
    { head: 'calls', cell: (_, lines) => shown(findLine(lines, 'calls', 'server')?.requests) },
    { head: 'bios', cell: (_, lines) => shown(findLine(lines, 'bios', 'database')?.requests) },
    { head: 'bytes', cell: (_, lines) => shown(bytesBeforeParity(lines)) },
    ...arrays.map(({ name }) => ({ head: `member requests\n${name}`, cell: (_: VariantFigures, lines: readonly LayerLine[]) => shown(memberRequests(lines, name)) })),
    ...(base ? [
      { head: '× fewer\nrequests', cell: (_: VariantFigures, lines: readonly LayerLine[]) => times(memberRequests(base, arrays[0]?.name)?.high, memberRequests(lines, arrays[0]?.name)?.high) },
      { head: '× fewer\nbytes', cell: (_: VariantFigures, lines: readonly LayerLine[]) => times(bytesBeforeParity(base)?.high, bytesBeforeParity(lines)?.high) },
    ] : []),
    ...(kafka ? [{ head: 'Kafka\nbytes', cell: (_: VariantFigures, lines: readonly LayerLine[]) => shown(findLine(lines, 'bios', 'kafka')?.bytes) }] : []),
  ]
}

export function memberRequests(lines: readonly LayerLine[], array: string | undefined): LayerLine['requests'] {
  return findLine(lines, 'raid5', 'database', array)?.requests
}

export function bytesBeforeParity(lines: readonly LayerLine[]): LayerLine['bytes'] {
  return findLine(lines, 'bios', 'database')?.bytes
}

/** Both of the model's upper bound: the one that does not flatter. */
function times(base: number | undefined, value: number | undefined): string {
  return base === undefined || value === undefined || value === 0 ? UNKNOWN : numberText(base / value)
}

function shown(range: LayerLine['requests']): string {
  return range ? rangeText(range) : UNKNOWN
}

/** Each reason once, with the variants that it holds for. */
function absences(lines: ReadonlyMap<VariantFigures, LayerLine[]>): string[] {
  const found = [...lines].flatMap(([{ name }, each]) => each.flatMap(({ label, absent }) => (absent === undefined ? [] : [{ name, remark: `${label} not seen: ${absent}` }])))
  return [...Map.groupBy(found, ({ remark }) => remark)].map(([remark, of]) => (of.length === lines.size ? remark : `${remark} (${of.map(({ name }) => name).join(', ')})`))
}
