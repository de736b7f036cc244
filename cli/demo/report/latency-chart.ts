/** Histogram of latencies: stacked bars as inline SVG, stretched to the width at hand; its texts are HTML, so that they stay readable. */
import { KINDS } from '../facts.ts'
import type { LatencyBin } from '../latency.ts'
import { counted, duration } from '../plain-text.ts'
import { html, type Html } from './html.ts'

const HEIGHT = 100
const BAR = 10

export function latencyChart(bins: readonly LatencyBin[]): Html {
  const tallest = Math.max(1, ...bins.map(sizeOf))
  const kinds = KINDS.filter((kind) => bins.some((bin) => bin.counts[kind] > 0))
  const mode = bins.reduce((best, bin) => (sizeOf(bin) > sizeOf(best) ? bin : best), bins[0]!)
  const label = `Most rows, ${sizeOf(mode)}, took ${duration(mode.fromMs)} to ${duration(mode.toMs)}; the slowest less than ${duration(bins.at(-1)!.toMs)}.`
  return html`<ul class="legend">${kinds.map((kind) => html`<li><i style="background: var(--${kind})"></i>${kind}</li>`)}<li class="soft">tallest bar: ${counted(tallest, 'row')}</li></ul>
<svg viewBox="0 0 ${bins.length * BAR} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}">${bins.map((bin, i) => bar(bin, i, tallest))}</svg>
<div class="axis" aria-hidden="true">${[0, 0.25, 0.5, 0.75, 1].map((share) => html`<span>${duration(bins.at(-1)!.toMs * share)}</span>`)}</div>`
}

function bar(bin: LatencyBin, index: number, tallest: number): Html[] {
  let top = HEIGHT
  return KINDS.flatMap((kind) => {
    const height = bin.counts[kind] / tallest * HEIGHT
    if (height === 0) return []
    top -= height
    return [html`<rect x="${index * BAR + 0.6}" y="${top.toFixed(2)}" width="${BAR - 1.2}" height="${height.toFixed(2)}" fill="var(--${kind})"><title>${duration(bin.fromMs)} to ${duration(bin.toMs)}: ${counted(bin.counts[kind], kind)}</title></rect>`]
  })
}

function sizeOf({ counts }: LatencyBin): number {
  return KINDS.reduce((sum, kind) => sum + counts[kind], 0)
}
