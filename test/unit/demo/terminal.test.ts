import assert from 'node:assert/strict'
import { test } from 'node:test'
import { summarize } from '../../../cli/demo/summary.ts'
import { renderSummary, styleOf } from '../../../cli/demo/terminal.ts'
import { brokenItem, copy, copyItem, facts, failed, original, row } from './sample.ts'

const plain = { width: 80, colour: false }

function fullFacts() {
  return facts({
    items: [original('a.jpg'), copyItem('a-half.jpg', 'a.jpg'), original('lost.jpg'), brokenItem('empty.jpg', 'download.empty')],
    assets: [row('a.jpg', { cluster: 1 }), copy('a-half.jpg', 'a.jpg')],
    failures: [failed('empty.jpg', 'download.empty', `The file has no bytes. ${'It goes on and on. '.repeat(20)}`)], rowsPerCommit: [2],
    searches: [{ query: 'a.jpg', hits: [{ name: `${'x'.repeat(90)}.jpg`, similarity: 0.91 }] }],
    pointers: [{ what: 'Dead letters', command: 'sluice dlq ls' }],
  })
}

test('no line is wider than the terminal', () => {
  const text = renderSummary(summarize(fullFacts()), plain)
  for (const line of text.split('\n')) assert.ok(line.length <= 80, `${line.length}: ${line}`)
})

test('it names what is missing, what failed and where to look next', () => {
  const text = renderSummary(summarize(fullFacts()), plain)
  assert.match(text, /4 items submitted ≠ 2 rows \+ 1 failure, in 1\.5 s/)
  assert.match(text, /lost\.jpg: nothing came of it/)
  assert.match(text, /empty\.jpg +download\.empty/)
  assert.match(text, /a\.jpg +1 +4/)
  assert.match(text, /sluice dlq ls/)
})

test('without colour there is not one escape code, with colour there are some', () => {
  const summary = summarize(fullFacts())
  assert.ok(!renderSummary(summary, plain).includes('\u001b'))
  assert.ok(renderSummary(summary, { width: 80, colour: true }).includes('\u001b['))
})

test('a pipe gets 80 columns without colour', () => {
  assert.deepEqual(styleOf({}), plain)
})

test('names and reasons cannot move the cursor or reverse the text', () => {
  const hostile = '\u001b[2J\u202egpj.exe\r\nnext'
  const text = renderSummary(summarize(facts({ items: [brokenItem(hostile, 'download.empty')], failures: [failed(hostile, 'download.html', hostile)] })), plain)
  assert.ok(!/[\u001b\u202e\r]/.test(text))
  assert.match(text, /gpj\.exe next/)
})

test('a long list says how much it leaves out', () => {
  const items = Array.from({ length: 30 }, (_, i) => original(`lost-${i}.jpg`))
  assert.match(renderSummary(summarize(facts({ items })), plain), /and 19 more/)
})
