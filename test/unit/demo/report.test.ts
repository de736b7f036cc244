import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DemoFacts } from '../../../cli/demo/facts.ts'
import { html } from '../../../cli/demo/report/html.ts'
import { timeStamp } from '../../../cli/demo/report/pictures.ts'
import { renderReport } from '../../../cli/demo/report/report.ts'
import { summarize } from '../../../cli/demo/summary.ts'
import { brokenItem, copy, copyItem, facts, failed, original, row } from './sample.ts'

const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xd9])

function report(given: Partial<DemoFacts>, names: string[] = []): string {
  const all = facts(given)
  const frames = names.map((name) => [name, [{ ptsMicros: 83_500_000, jpeg: JPEG }]] as const)
  return renderReport(summarize(all), all, { thumbnails: new Map(names.map((name) => [name, JPEG])), keyFrames: new Map(frames) })
}

test('whatever is put into the markup is escaped, made markup is not', () => {
  const hostile = `<img src=x onerror="alert('1')">&`
  assert.equal(html`<b title="${hostile}">${html`<i>${1}</i>`}${null}${false}${['a', '<']}</b>`.markup,
    '<b title="&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;"><i>1</i>a&lt;</b>')
})

test('hostile names, notes, reasons, evidence and commands stay text everywhere', () => {
  const hostile = '"><script>alert(1)</script>'
  const page = report({
    items: [{ ...original(hostile, hostile), note: hostile }, copyItem(`${hostile}2`, hostile), brokenItem(`${hostile}3`, 'download.empty')],
    assets: [row(hostile, { cluster: 1 }), { ...copy(`${hostile}2`, hostile), evidence: hostile }, row(`${hostile}4`, { kind: 'video' }), row(`${hostile}5`, { kind: 'audio' })],
    failures: [failed(`${hostile}3`, 'download.html', hostile)], searches: [{ query: hostile, hits: [{ name: hostile, similarity: 1 }] }],
    stages: [{ stage: hostile, done: 1, dead: 0 }], pointers: [{ what: hostile, command: hostile }], model: hostile,
  }, [hostile])
  assert.ok(!page.includes('<script'))
  assert.ok(page.split('&lt;script&gt;').length > 12)
})

test('it refers to nothing outside of itself', () => {
  const page = report({ items: [original('a.jpg')], assets: [row('a.jpg', { cluster: 1 })], pointers: [{ what: 'Dashboards', command: 'http://127.0.0.1:3000' }] }, ['a.jpg'])
  const sources = [...page.matchAll(/(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]*)/g)].map((match) => match[1]!)
  assert.ok(sources.length > 3)
  for (const source of sources) assert.match(source, /^(data:image\/jpeg;base64,|#)/)
  assert.ok(page.includes('content="default-src &#39;none&#39;;'))
})

test('every picture has an alternative text, and one without a preview is drawn as such', () => {
  const page = report({ items: [original('a.jpg'), original('b.jpg')], assets: [row('a.jpg', { cluster: 1 }), row('b.jpg', { cluster: 1 })] }, ['a.jpg'])
  const images = [...page.matchAll(/<img [^>]*>/g)].map((match) => match[0])
  assert.equal(images.length, 1)
  assert.match(images[0]!, /alt="a\.jpg: reef, painted"/)
  assert.match(page, /role="img" aria-label="b\.jpg: reef, painted \(no preview\)"/)
})

test('copies are shown under their original with relation, distance and evidence', () => {
  const page = report({ items: [original('a.jpg'), copyItem('a-half.jpg', 'a.jpg')], assets: [row('a.jpg'), copy('a-half.jpg', 'a.jpg')] })
  assert.match(page, /<span class="badge near-copy">near copy<\/span><span class="distance">4 of 256 bits<\/span>/)
  assert.match(page, /a-half\.jpg · pdq/)
})

test('key frames carry their time stamps', () => {
  assert.equal(timeStamp(83_500_000), '1:23.50')
  assert.equal(timeStamp(59_999_999), '1:00.00')
  const page = report({ items: [{ name: 'v.mp4', kind: 'video' }], assets: [row('v.mp4', { kind: 'video' })] }, ['v.mp4'])
  assert.match(page, /alt="v\.mp4 at 1:23\.50[^>]*>\s*<time>1:23\.50<\/time>/)
})

test('sections that have nothing to show are left out, also of the navigation', () => {
  const page = report({})
  for (const id of ['duplicates', 'clusters', 'videos', 'sounds', 'failures', 'latency', 'stages', 'next', 'similar']) assert.ok(!page.includes(`#${id}`), id)
  assert.match(page, /href="#expectations"/)
})

test('ids are unique, and every link leads to one', () => {
  const page = report({ items: [original('a.jpg')], assets: [row('a.jpg', { cluster: 1 })], failures: [failed('b', 'download.empty')] })
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map((match) => match[1]!)
  assert.equal(new Set(ids).size, ids.length)
  for (const [, target] of page.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.includes(target!), target)
})

test('a thousand members of a cluster do not make a thousand pictures', () => {
  const names = Array.from({ length: 1000 }, (_, i) => `n${i}.jpg`)
  const page = report({ items: names.map((name) => original(name)), assets: names.map((name) => row(name, { cluster: 1 })) }, names)
  assert.equal(page.match(/<img /g)?.length, 80)
  assert.match(page, /and 920 more assets/)
})
