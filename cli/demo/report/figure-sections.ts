/** The sections with figures: expectations, failures, latencies, stages, where to look next. */
import { KINDS } from '../facts.ts'
import { counted, duration } from '../plain-text.ts'
import { checkExpectations, type DemoSummary, FAULTS } from '../summary.ts'
import { html, type Html } from './html.ts'
import { latencyChart } from './latency-chart.ts'
import type { Section } from './media-sections.ts'

/** The table of expectations lists at most so many; deviations are all named above it. */
const MOST_FINDINGS = 1_000

export function expectationSection(summary: DemoSummary): Section {
  const problems = checkExpectations(summary)
  const findings = summary.findings.slice(0, MOST_FINDINGS)
  return { id: 'expectations', title: 'Expected and found', body: html`${problems.length > 0
    ? html`<ul>${problems.map((problem) => html`<li>${problem}</li>`)}</ul>`
    : html`<p class="soft">The set was made with known copies, families and faults. All of them were found, and nothing else.</p>`}
<details><summary>All ${counted(findings.length, 'item')}</summary><div class="card scroll"><table><thead><tr><th scope="col">item</th><th scope="col">expected</th><th scope="col">found</th></tr></thead>
<tbody>${findings.map(({ name, expected, found, fault }) => html`<tr${fault ? html` class="wrong"` : ''}><td class="name">${name}</td><td>${expected}</td><td>${found}${fault && html` <span class="fault">${FAULTS[fault]}</span>`}</td></tr>`)}</tbody></table></div></details>` }
}

export function failureSection({ failures }: DemoSummary): Section {
  const rows = failures.map(({ name, stage, code, reason }) => html`<tr><td class="name">${name}</td><td>${stage}</td><td><code>${code}</code></td><td>${reason}</td></tr>`)
  const body = html`<p class="soft">A file that can never succeed becomes a dead letter with a stable code; its neighbours are not held up.</p>
<div class="card scroll"><table><thead><tr><th scope="col">item</th><th scope="col">stage</th><th scope="col">code</th><th scope="col">reason</th></tr></thead><tbody>${rows}</tbody></table></div>`
  return { id: 'failures', title: 'Failures', body: failures.length > 0 ? body : undefined }
}

export function latencySection({ latency, latencyBins }: DemoSummary): Section {
  const rows = latency.map(({ kind, count, p50Ms, p95Ms, maxMs }) => (
    html`<tr><td>${kind}</td><td class="number">${count}</td>${[p50Ms, p95Ms, maxMs].map((ms) => html`<td class="number">${duration(ms)}</td>`)}</tr>`
  ))
  const body = html`<p class="soft">From the producer's event to the committed row, with everything submitted at once: waiting for one another is part of it.</p>
<div class="card chart">${latencyChart(latencyBins)}<div class="scroll"><table><thead><tr><th scope="col">kind</th><th scope="col" class="number">count</th><th scope="col" class="number">p50</th><th scope="col" class="number">p95</th><th scope="col" class="number">max</th></tr></thead><tbody>${rows}</tbody></table></div></div>`
  return { id: 'latency', title: 'From submission to row', body: latency.length > 0 ? body : undefined }
}

export function stageSection({ stages, commits }: DemoSummary): Section {
  const head = ['done', 'dead', 'retries', 'rate', 'waited p95', 'worked p50', 'worked p95']
  const rows = stages.map((stage) => html`<tr><td class="name">${stage.stage}</td>${[
    stage.done, stage.dead, stage.retries ?? '–', stage.perSecond === undefined ? '–' : `${stage.perSecond.toFixed(1)}/s`,
    ...[stage.waitP95Ms, stage.workP50Ms, stage.workP95Ms].map((ms) => (ms === undefined ? '–' : duration(ms))),
  ].map((cell) => html`<td class="number">${cell}</td>`)}</tr>`)
  const written = commits && html`<p class="soft">${counted(commits.rows, 'row')} in ${counted(commits.commits, 'commit')}: ${commits.medianRows} in the middle one, ${commits.maxRows} in the largest.</p>`
  const body = html`${written}<div class="card scroll"><table><thead><tr><th scope="col">stage</th>${head.map((title) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`
  return { id: 'stages', title: 'Stages', body: stages.length > 0 ? body : undefined }
}

export function pointerSection({ pointers }: DemoSummary): Section {
  const cards = pointers.map(({ what, command }) => html`<div class="card">${what}<pre tabindex="0"><code>${command}</code></pre></div>`)
  return { id: 'next', title: 'Where to look next', body: pointers.length > 0 ? html`<div class="columns">${cards}</div>` : undefined }
}

export function headFigures({ counts, byKind, duplicates, clusters, latency, commits }: DemoSummary): Html {
  const copies = duplicates.reduce((sum, group) => sum + group.copies.length, 0)
  const images = latency.find(({ kind }) => kind === 'image')
  const kinds = KINDS.map((kind) => [kind, Object.values(byKind[kind]).reduce((a, b) => a + b, 0)] as const).filter(([, count]) => count > 0)
  const figures: [string, string | number][] = [
    ['submitted', counts.submitted], [`rows: ${kinds.map(([kind, count]) => `${count} ${kind}`).join(', ')}`, counts.stored], ['failures, with reason', counts.failed],
    ['copies recognised', copies], ['topic clusters', clusters.length],
    ...(images ? [['image to row, p95', duration(images.p95Ms)] as [string, string]] : []), ...(commits ? [['commits', commits.commits] as [string, number]] : []),
  ]
  return html`<dl class="figures">${figures.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}
