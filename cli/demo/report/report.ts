/** The demo's report: one HTML file that holds everything it shows, and that asks no network and runs no script. */
import type { DemoFacts } from '../facts.ts'
import { counted, duration } from '../plain-text.ts'
import { checkExpectations, type DemoSummary } from '../summary.ts'
import { expectationSection, failureSection, headFigures, latencySection, pointerSection, stageSection } from './figure-sections.ts'
import { html, Html } from './html.ts'
import { clusterSection, duplicateSection, searchSection, soundSection, videoSection } from './media-sections.ts'
import type { Gallery, ReportPictures } from './pictures.ts'
import { STYLE } from './style.ts'

export type { KeyFrame, ReportPictures } from './pictures.ts'

/** Even markup that slipped past the escaping could neither load nor run anything. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

export function renderReport(summary: DemoSummary, facts: Pick<DemoFacts, 'items' | 'assets'>, pictures: ReportPictures): string {
  const gallery: Gallery = {
    ...pictures,
    assets: new Map(facts.assets.map((asset) => [asset.name, asset])), items: new Map(facts.items.map((item) => [item.name, item])),
  }
  const sections = [
    expectationSection(summary), duplicateSection(summary, gallery), clusterSection(summary, gallery), searchSection(summary, gallery), videoSection(gallery),
    soundSection(gallery), failureSection(summary), latencySection(summary), stageSection(summary), pointerSection(summary),
  ].filter((section) => section.body !== undefined)
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}"><meta name="referrer" content="no-referrer"><title>sluice demo report</title><style>${new Html(STYLE)}</style></head>
<body><a class="skip" href="#content">Skip to the report</a>
<header><div>${headline(summary)}${headFigures(summary)}</div></header>
<nav aria-label="Sections"><ul>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
<main id="content">${sections.map(({ id, title, body }) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${body}</section>`)}</main>
<footer>Made by <code>sluice demo</code>. This file is complete in itself; nothing was loaded to show it.</footer></body></html>
`.markup
}

function headline(summary: DemoSummary): Html {
  const { submitted, stored, failed } = summary.counts
  const problems = checkExpectations(summary).length
  const verdict = problems === 0
    ? html`<span class="verdict">✓ everything as expected</span>`
    : html`<a class="verdict bad" href="#expectations">✗ ${counted(problems, 'thing')} not as expected</a>`
  return html`<h1>sluice demo report</h1><p>${counted(submitted, 'item')} submitted ${submitted === stored + failed ? '=' : '≠'} ${counted(stored, 'row')} + ${counted(failed, 'failure')}, in ${duration(summary.elapsedMs)}</p>${verdict}`
}
