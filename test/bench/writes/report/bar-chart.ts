/** Horizontal bars on a logarithmic axis, as SVG: no script, colours by the page's style sheet. */
import { element, escapeMarkup } from './markup.ts'
import { logScale, type LogScale } from './log-scale.ts'
import { numberText, rangeText, tickText, type Range } from './number-text.ts'

/** A class of the style sheet: whose bar it is. */
export type Tone = 'old' | 'cleaned' | 'ours' | 'kafka'

export interface Bar {
  label: string
  tone: Tone
  /** Solid to the lower bound, pale from there to the upper. */
  range?: Range
  /** What each count is, when bars of one chart count different things. */
  unit?: string
  /** Shown in place of a bar. */
  absent?: string
}

export interface BarChart {
  /** Unique on the page. */
  id: string
  title: string
  /** What people who do not see the picture read in its place. */
  description: string
  /** Under the axis. */
  unit: string
  bars: readonly Bar[]
  /** Dashed lines. */
  goals?: readonly number[]
  scale: LogScale
  width: number
  /** For the labels on the left; longer ones are cut, and read whole in their tooltip. */
  labelWidth: number
}

const ROW = 26
const BAR = 14
const TOP = 26
const BOTTOM = 44
/** For a value behind the longest bar. */
const VALUE_WIDTH = 112
/** Room for the text of a tick, and some between it and the next. */
const TICK_WIDTH = 48
/** An average character of the label's font, on the wide side. */
export const CHARACTER = 6.9

/** The axis that holds all bars and goals; bars shorter than `least` are told, not drawn. */
export function scaleFor(bars: readonly Bar[], least: number, goals: readonly number[] = []): LogScale {
  return logScale([...bars.flatMap(({ range }) => (range ? [range.low, range.high] : [])), ...goals], least)
}

export function barChart(chart: BarChart): string {
  const { id, title, description, bars, width } = chart
  const plot = { left: chart.labelWidth + 10, right: width - VALUE_WIDTH, bottom: TOP + bars.length * ROW }
  const at = (value: number): number => plot.left + chart.scale.position(value) * (plot.right - plot.left)
  return element('svg', { viewBox: `0 0 ${width} ${plot.bottom + BOTTOM}`, role: 'img', 'aria-labelledby': `${id}-title ${id}-description` },
    element('title', { id: `${id}-title` }, escapeMarkup(title)),
    element('desc', { id: `${id}-description` }, escapeMarkup(description)),
    ...axis(chart, plot, at),
    ...goalLines(chart.goals ?? [], plot, at),
    ...bars.map((bar, index) => row(bar, TOP + index * ROW, chart, plot.left, at)),
  )
}

interface Plot {
  left: number
  right: number
  bottom: number
}

function axis({ scale, unit }: BarChart, { left, right, bottom }: Plot, at: (value: number) => number): string[] {
  return [
    ...scale.ticks(Math.floor((right - left) / TICK_WIDTH)).flatMap((tick) => [
      element('line', { class: 'grid', x1: at(tick), x2: at(tick), y1: TOP - 4, y2: bottom + 4 }),
      element('text', { class: 'tick', x: at(tick), y: bottom + 18, 'text-anchor': 'middle' }, tickText(tick)),
    ]),
    element('text', { class: 'unit', x: (left + right) / 2, y: bottom + 36, 'text-anchor': 'middle' }, escapeMarkup(unit)),
  ]
}

/** Labels stand above the bars, where nothing else does. */
function goalLines(goals: readonly number[], { bottom }: Plot, at: (value: number) => number): string[] {
  return goals.flatMap((goal) => [
    element('line', { class: 'goal', x1: at(goal), x2: at(goal), y1: TOP - 6, y2: bottom + 4 }),
    element('text', { class: 'goal-label', x: at(goal), y: TOP - 11, 'text-anchor': 'middle' }, `≤ ${numberText(goal)}`),
  ])
}

function row(bar: Bar, top: number, { labelWidth, unit }: BarChart, left: number, at: (value: number) => number): string {
  const middle = top + ROW / 2
  const value = bar.range ? rangeText(bar.range) : undefined
  return element('g', { class: `row ${bar.tone}` },
    element('title', {}, escapeMarkup(`${bar.label}: ${value === undefined ? bar.absent ?? 'not seen' : `${value} ${bar.unit ?? unit}`}`)),
    element('text', { class: 'label', x: labelWidth, y: middle + 4, 'text-anchor': 'end' }, escapeMarkup(cut(bar.label, labelWidth))),
    ...(bar.range ? bars(bar.range, middle, left, at) : [element('text', { class: 'absent', x: left + 4, y: middle + 4 }, escapeMarkup(bar.absent ?? 'not seen'))]),
  )
}

function bars(range: Range, middle: number, left: number, at: (value: number) => number): string[] {
  const bar = (name: string, to: number): string => element('rect', { class: name, x: left, y: middle - BAR / 2, width: Math.max(at(to) - left, 0), height: BAR, rx: 2 })
  const end = range.high > 0 ? at(range.high) : left
  return [
    ...(range.high > range.low ? [bar('upper', range.high)] : []),
    ...(range.low > 0 ? [bar('lower', range.low)] : []),
    element('text', { class: 'value', x: end + 6, y: middle + 4 }, rangeText(range)),
  ]
}

function cut(label: string, width: number): string {
  const most = Math.floor(width / CHARACTER)
  return label.length <= most ? label : `${label.slice(0, most - 1)}…`
}
