import assert from 'node:assert/strict'
import { test } from 'node:test'
import { barChart, scaleFor, type Bar } from '../../bench/writes/report/bar-chart.ts'
import { renderHtml } from '../../bench/writes/report/html.ts'
import { escapeMarkup } from '../../bench/writes/report/markup.ts'
import { SAMPLE, variant } from './sample-figures.ts'

const HOSTILE = `"><script>alert('x')</script>&\u0000`

/** Every start tag has its end, in order; void elements apart. */
function unbalanced(markup: string): string | undefined {
  const open: string[] = []
  for (const [, end, name] of markup.matchAll(/<(\/?)([a-z0-9]+)[^>]*>/g)) {
    if (name === 'meta') continue
    if (end === '') open.push(name!)
    else if (open.pop() !== name) return name
  }
  return open.pop()
}

function chart(bars: Bar[], goals: number[] = []): string {
  return barChart({ id: 'c', title: 'Title', description: 'Description', unit: 'bytes', bars, goals, scale: scaleFor(bars, 0, goals), width: 500, labelWidth: 100 })
}

const widths = (svg: string, name: string): number[] => [...svg.matchAll(new RegExp(`<rect class="${name}" [^>]*width="([0-9.]+)"`, 'g'))].map(([, width]) => Number(width))

test('the report is one document whose elements are closed, without script and without anything from elsewhere', () => {
  const html = renderHtml(SAMPLE)
  assert.equal(unbalanced(html.replace('<!doctype html>', '')), undefined)
  assert.ok(!/<script|<link|<img|<iframe|src=|href=|url\(|@import|https?:/i.test(html))
  assert.match(html, /prefers-color-scheme: dark/)
})

test('every variant has its heading, a bar in the summary and both of its charts', () => {
  const html = renderHtml(SAMPLE)
  SAMPLE.variants.forEach(({ name, about }, index) => {
    assert.ok(html.includes(`<h3>${name}</h3><span>${about} (`), name)
    assert.ok(html.includes(`<title id="layers-${index}-requests-title">${name}: `), name)
    assert.ok(html.includes(`<title id="layers-${index}-bytes-title">${name}: `), name)
    assert.ok(html.includes(`<th scope="row">${name}</th>`), name)
  })
})

test('every layer of a variant is told with its value', () => {
  const html = renderHtml({ ...SAMPLE, variants: SAMPLE.variants.slice(0, 1) })
  // 1,000 assets; see the sample.
  for (const told of [
    'SQL statements: 20 statements per asset', 'WAL records: 30 records per asset', 'Pages: 5 pages per asset', 'System calls: 9 calls per asset',
    'Data, before merging: 6 bios per asset', 'WAL, after merging: 1 requests per asset', 'RAID5 4 disks, 64 KiB: 15–30 member requests per asset',
    'RAID5 4 disks, 512 KiB: 15–30 member requests per asset', 'WAL records: 9,000 bytes per asset', 'Data, before merging: 41,000 bytes per asset',
  ]) assert.ok(html.includes(`<title>${told}</title>`), told)
})

test('a layer that was not seen says why in its place', () => {
  const html = renderHtml(SAMPLE)
  assert.ok(html.includes('>strace is not installed</text>'))
  assert.ok(html.includes('>no privilege to make block devices</text>'))
})

test('Kafka\'s log is a line of its own', () => {
  assert.ok(renderHtml(SAMPLE).includes('<title>kafka/lz4, Kafka’s log: 0.06–0.09 '))
})

test('names, notes and reasons cannot break out of the document', () => {
  const html = renderHtml({ ...SAMPLE, commit: HOSTILE, notes: [HOSTILE], variants: [variant({ name: HOSTILE, about: HOSTILE, notes: [HOSTILE], systemCalls: { absent: HOSTILE } })] })
  assert.ok(!html.includes('<script'))
  assert.ok(!html.includes('\u0000'))
  assert.equal(unbalanced(html.replace('<!doctype html>', '')), undefined)
})

test('markup is escaped for text and for attributes', () => {
  assert.equal(escapeMarkup(`<a href="x">&'\u0007`), '&lt;a href=&quot;x&quot;&gt;&amp;&#39;\ufffd')
})

test('ids are unique and every picture is named by its own', () => {
  const html = renderHtml(SAMPLE)
  const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!)
  assert.equal(new Set(ids).size, ids.length)
  const named = [...html.matchAll(/aria-labelledby="([^"]+)"/g)].flatMap(([, each]) => each!.split(' '))
  assert.equal(named.length, 2 * (2 + 2 * SAMPLE.variants.length))
  for (const id of named) assert.ok(ids.includes(id), id)
})

test('a report without variants is a report', () => {
  assert.equal(unbalanced(renderHtml({ ...SAMPLE, variants: [] }).replace('<!doctype html>', '')), undefined)
})

test('bars are as long as their logarithms: the lower bound solid, the upper behind it', () => {
  // 500 wide, 110 for the labels and 112 for values: 278 for the decades 1 to 10,000. 100 is half of them, 1,000 three quarters.
  const svg = chart([{ label: 'a', tone: 'ours', range: { low: 100, high: 1_000 } }, { label: 'b', tone: 'old', range: { low: 2, high: 9_000 } }])
  assert.deepEqual(widths(svg, 'lower')[0], 139)
  assert.deepEqual(widths(svg, 'upper')[0], 208.5)
})

test('zero has a value and no bar', () => {
  const svg = chart([{ label: 'none', tone: 'ours', range: { low: 0, high: 0 } }, { label: 'some', tone: 'ours', range: { low: 5, high: 5 } }])
  assert.equal(widths(svg, 'lower').length, 1)
  assert.match(svg, />0<\/text>/)
})

test('goals are drawn where their values are', () => {
  const svg = chart([{ label: 'a', tone: 'ours', range: { low: 20, high: 20 } }], [3_200])
  assert.match(svg, /≤ 3,200/)
  // Decades 10 to 10,000 over 278: log10(320) / 3 of them, behind 110.
  const x = Number(/class="goal" x1="([0-9.]+)"/.exec(svg)![1])
  assert.ok(Math.abs(x - (110 + (278 * Math.log10(320)) / 3)) < 0.06)
})

test('a label that is too long is cut, and whole in its tooltip', () => {
  const label = 'a-variant-with-a-very-long-name'
  const svg = chart([{ label, tone: 'ours', range: { low: 1, high: 1 } }])
  assert.ok(svg.includes(`<title>${label}: 1 bytes</title>`))
  // 100 pixels of 6.9 each.
  assert.ok(svg.includes('>a-variant-wit…</text>'))
})
