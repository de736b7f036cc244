/** The report as one file that needs nothing else: charts, a table of the same figures, and what the model assumes. */
import { barChart, CHARACTER, scaleFor, type Bar } from './bar-chart.ts'
import { element, escapeMarkup } from './markup.ts'
import { findLine, layerLines, type Layer, type LayerLine } from './layer-lines.ts'
import type { LogScale } from './log-scale.ts'
import { numberText, rangeText } from './number-text.ts'
import { STYLE } from './page-style.ts'
import { bytesBeforeParity, caption, memberRequests, tableOf } from './tables.ts'
import type { VariantFigures, WriteFigures } from './variant-figures.ts'

const TITLE = 'What reaches the disks for an asset'
const WIDTH = 1_050
const HALF_WIDTH = 540
const MOST_LABEL = 330
const HALF_LABEL = 160
/** Where axes begin at the latest: less than this per asset is as good as nothing. */
const LEAST = { requests: 0.0001, bytes: 1 }

const DESIGNS: Record<VariantFigures['design'], string> = { old: 'the old design', cleaned: 'the old design after its clean-up', ours: 'this pipeline' }

interface Measured {
  variant: VariantFigures
  lines: LayerLine[]
}

export function renderHtml(figures: WriteFigures): string {
  const measured = figures.variants.map((variant) => ({ variant, lines: layerLines(variant, figures.arrays) }))
  const body = element('main', {},
    element('h1', {}, TITLE),
    element('p', { class: 'quiet' }, escapeMarkup(`${figures.at}, commit ${figures.commit}, ${figures.machine}`)),
    element('p', {}, escapeMarkup(caption(figures))),
    legend(figures),
    summary(figures, measured),
    byLayer(figures, measured),
    table(figures),
    notes(figures),
  )
  const head = [
    '<meta charset="utf-8">', '<meta name="viewport" content="width=device-width, initial-scale=1">',
    element('title', {}, TITLE), element('style', {}, STYLE),
  ].join('')
  return `<!doctype html>\n<html lang="en"><head>${head}</head><body>${body}</body></html>\n`
}

function legend({ variants, goals }: WriteFigures): string {
  const designs = (['old', 'cleaned', 'ours'] as const).filter((design) => variants.some((variant) => variant.design === design))
  const item = (swatch: string, text: string): string => element('li', {}, element('i', { class: swatch, 'aria-hidden': 'true' }), text)
  return element('ul', { class: 'legend', 'aria-label': 'Legend' },
    ...designs.map((design) => item(design, DESIGNS[design])),
    ...(variants.some(({ devices }) => devices.kafka) ? [item('kafka', 'Kafka’s log')] : []),
    item('both', 'RAID5: solid to the lower bound, pale to the upper'),
    ...(goals ? [item('line', 'to be reached')] : []),
  )
}

/** One bar a variant: what the disks do, and what the file systems ask for. */
function summary(figures: WriteFigures, measured: Measured[]): string {
  const array = figures.arrays[0]?.name
  const requests = summaryBars(measured, (lines) => memberRequests(lines, array), (lines) => findLine(lines, 'raid5', 'kafka', array)?.requests)
  const bytes = summaryBars(measured, bytesBeforeParity, (lines) => findLine(lines, 'bios', 'kafka')?.bytes)
  return [
    element('h2', {}, 'All variants'),
    summaryFigure('requests', 'Member-disk requests', `reads and writes of all members of a RAID5 (${array ?? 'none'}) per asset`, requests, figures.goals?.requests),
    summaryFigure('bytes', 'Bytes written', 'bytes written to data and WAL per asset, before parity', bytes, figures.goals?.bytes),
  ].join('')
}

function summaryBars(measured: Measured[], ofDatabase: (lines: LayerLine[]) => LayerLine['requests'], ofKafka: (lines: LayerLine[]) => LayerLine['requests']): Bar[] {
  return measured.flatMap(({ variant: { name, design }, lines }) => {
    const database = ofDatabase(lines)
    const kafka = ofKafka(lines)
    const absent = lines.find((line) => line.layer === 'bios' && line.absent !== undefined)?.absent ?? 'not measured'
    return [
      ...(database ? [{ label: name, tone: design, range: database }] : []),
      ...(kafka ? [{ label: `${name}, Kafka’s log`, tone: 'kafka' as const, range: kafka }] : []),
      ...(database || kafka ? [] : [{ label: name, tone: design, absent }]),
    ]
  })
}

function summaryFigure(id: keyof typeof LEAST, title: string, unit: string, bars: Bar[], goals: readonly number[] = []): string {
  const labelWidth = Math.min(Math.max(...bars.map(({ label }) => label.length * CHARACTER), 40), MOST_LABEL)
  const chart = barChart({ id, title, description: describe(bars), unit: `${unit} (logarithmic)`, bars, goals, scale: scaleFor(bars, LEAST[id], goals), width: WIDTH, labelWidth })
  return element('figure', {}, element('figcaption', {}, element('h3', {}, title)), chart)
}

/** Two charts a variant on axes that all variants share, so that they compare. */
function byLayer({ arrays }: WriteFigures, measured: Measured[]): string {
  const shown = measured.map(({ variant, lines }) => ({ variant, requests: layerBars(variant, lines, 'requests'), bytes: layerBars(variant, lines, 'bytes') }))
  const requestScale = scaleFor(shown.flatMap(({ requests }) => requests), LEAST.requests)
  const byteScale = scaleFor(shown.flatMap(({ bytes }) => bytes), LEAST.bytes)
  return [
    element('h2', {}, 'Layer by layer'),
    element('p', { class: 'quiet' }, escapeMarkup(`From the statement down to the disk, per asset; all variants on the same axes. Before merging: what the file system asked its device for; after merging: what the device was asked for. RAID5 bytes are those on the members${arrays.length > 0 ? ', with parity' : ''}.`)),
    ...shown.map(({ variant, requests, bytes }, index) => layerFigure(variant, index, { bars: requests, scale: requestScale }, { bars: bytes, scale: byteScale })),
  ].join('')
}

interface Scaled {
  bars: Bar[]
  scale: LogScale
}

function layerFigure(variant: VariantFigures, index: number, requests: Scaled, bytes: Scaled): string {
  const { name, about, design, assets, rowsPerCommit, preloadedRows } = variant
  const setting = `${numberText(assets)} assets, ${numberText(rowsPerCommit)} rows a commit, ${preloadedRows === 0 ? 'empty tables' : `${numberText(preloadedRows)} rows before`}`
  const half = (id: string, title: string, unit: string, { bars, scale }: Scaled): string =>
    barChart({ id: `layers-${index}-${id}`, title: `${name}: ${title}`, description: describe(bars), unit, bars, scale, width: HALF_WIDTH, labelWidth: HALF_LABEL })
  return element('figure', { class: design },
    element('figcaption', {}, element('h3', {}, escapeMarkup(name)), element('span', {}, escapeMarkup(`${about} (${setting})`))),
    element('div', { class: 'pair' }, half('requests', 'counts by layer', 'statements, records, pages, calls, requests per asset', requests), half('bytes', 'bytes by layer', 'bytes written per asset', bytes)),
  )
}

const SHORT: Record<Layer, string> = { sql: 'SQL statements', wal: 'WAL records', pages: 'Pages', calls: 'System calls', bios: 'before merging', requests: 'after merging', raid5: 'RAID5' }
const DEVICE: Record<string, string> = { data: 'Data', wal: 'WAL', kafka: 'Kafka' }

/** Devices one by one down to where they are merged; RAID5 for the database as a whole, where both of its devices were seen. */
function layerBars({ design }: VariantFigures, lines: LayerLine[], measure: keyof typeof LEAST): Bar[] {
  const whole = lines.some(({ scope }) => scope === 'database')
  return lines
    .filter(({ layer, scope }) => (layer === 'raid5' && whole ? scope === 'database' || scope === 'kafka' : scope !== 'database'))
    .map((line) => ({
      label: shortLabel(line),
      tone: line.scope === 'kafka' ? 'kafka' : design,
      unit: measure === 'bytes' ? 'bytes per asset' : `${line.unit} per asset`,
      ...(line[measure] ? { range: line[measure] } : { absent: line.absent ?? 'not counted' }),
    }))
}

function shortLabel({ layer, scope, array }: LayerLine): string {
  if (layer === 'raid5') return `RAID5 ${array}${scope === 'database' ? '' : `, ${DEVICE[scope]}`}`
  return scope === 'server' ? SHORT[layer] : `${DEVICE[scope]}, ${SHORT[layer]}`
}

function describe(bars: readonly Bar[]): string {
  return bars.map(({ label, range, absent }) => `${label}: ${range ? rangeText(range) : absent ?? 'not seen'}`).join('; ')
}

function table(figures: WriteFigures): string {
  const { head, rows } = tableOf(figures)
  const header = element('thead', {}, element('tr', {}, ...head.map((text) => element('th', { scope: 'col' }, escapeMarkup(text)))))
  const body = element('tbody', {}, ...rows.map(([name, ...cells]) => element('tr', {}, element('th', { scope: 'row' }, escapeMarkup(name!)), ...cells.map((cell) => element('td', {}, escapeMarkup(cell))))))
  return element('h2', {}, 'Figures') + element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Figures' }, element('table', {}, header, body))
}

function notes(figures: WriteFigures): string {
  const remarks = [...figures.arrays.map(describeArray), ...tableOf(figures).remarks, ...figures.notes]
  return element('h2', {}, 'Notes') + element('ul', {}, ...remarks.map((remark) => element('li', {}, escapeMarkup(remark))))
}

function describeArray({ name, array, gatherUs }: WriteFigures['arrays'][number]): string {
  const { disks, chunkBytes, stripeCacheRows, bitmap, safeModeDelayUs, maxRequestBytes } = array
  return [
    `RAID5 ${name}: ${disks} disks, chunks of ${chunkBytes / 1_024} KiB, ${stripeCacheRows} rows of 4 KiB in the stripe cache, requests of up to ${maxRequestBytes / 1_024} KiB`,
    bitmap === null ? 'no bitmap' : `a bitmap with a bit for ${bitmap.chunkBytes / 2 ** 20} MiB of a member`,
    safeModeDelayUs === null ? 'superblocks not counted' : `superblocks marked clean after ${safeModeDelayUs / 1_000} ms`,
    `lower bound: writes gather for ${gatherUs / 1_000} ms or until a flush; upper bound: every request is settled on arrival`,
  ].join(', ')
}
