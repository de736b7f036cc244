import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findLine, layerLines } from '../../bench/writes/report/layer-lines.ts'
import { renderMarkdown, renderText, tableOf } from '../../bench/writes/report/tables.ts'
import type { WriteFigures } from '../../bench/writes/report/variant-figures.ts'
import { device, SAMPLE, variant } from './sample-figures.ts'

function cell(figures: WriteFigures, name: string, head: RegExp): string {
  const table = tableOf(figures)
  const column = table.head.findIndex((text) => head.test(text))
  return table.rows.find(([first]) => first === name)![column]!
}

test('each layer is divided by the assets, and devices of the database are added up', () => {
  const lines = layerLines(SAMPLE.variants[0]!, SAMPLE.arrays)
  // 1,000 assets: 20,000 statements; 9,000,000 bytes of WAL; bios 6,000 + 2,000; member requests 12,000 + 3,000 to 24,000 + 6,000.
  assert.deepEqual(findLine(lines, 'sql', 'server')?.requests, { low: 20, high: 20 })
  assert.deepEqual(findLine(lines, 'wal', 'server')?.bytes, { low: 9_000, high: 9_000 })
  assert.deepEqual(findLine(lines, 'bios', 'database')?.requests, { low: 8, high: 8 })
  assert.deepEqual(findLine(lines, 'bios', 'database')?.flushes, { low: 0.4, high: 0.4 })
  assert.deepEqual(findLine(lines, 'raid5', 'database', '4 disks, 64 KiB')?.requests, { low: 15, high: 30 })
  assert.deepEqual(findLine(lines, 'raid5', 'wal', '4 disks, 512 KiB')?.requests, { low: 3, high: 6 })
})

test('what one device alone cost is not shown as the cost of the database', () => {
  const figures = { ...SAMPLE, variants: [variant({ name: 'half', devices: { data: device({ bios: 1, bytes: 1, lower: 1, upper: 1 }), wal: { absent: 'gone' } } })] }
  assert.equal(findLine(layerLines(figures.variants[0]!, figures.arrays), 'bios', 'database'), undefined)
  assert.equal(cell(figures, 'half', /bios/), '–')
})

test('bounds are lower and upper whichever of them comes from gathering', () => {
  const swapped = device({ bios: 1, bytes: 4, lower: 9, upper: 3 })
  const lines = layerLines(variant({ name: 'odd', assets: 1, devices: { data: swapped, wal: swapped } }), SAMPLE.arrays)
  assert.deepEqual(findLine(lines, 'raid5', 'data', '4 disks, 64 KiB')?.requests, { low: 3, high: 9 })
})

test('an array that was not replayed is said to be missing', () => {
  const arrays = [...SAMPLE.arrays, { ...SAMPLE.arrays[0]!, name: '8 disks' }]
  assert.equal(findLine(layerLines(SAMPLE.variants[0]!, arrays), 'raid5', 'database', '8 disks')?.absent, 'not replayed')
})

test('a table has a row for each variant', () => {
  assert.deepEqual(tableOf(SAMPLE).rows.map(([name]) => name), ['old/preloaded', 'json/preloaded', 'ours/preloaded', 'kafka/lz4', 'ours/folders'])
})

test('ratios are taken between upper bounds of the first array, and between bytes', () => {
  // 30 a row against (760 + 750) ÷ 100,000 = 0.0151: 1,986.8. 50,000 bytes against 2,892.64: 17.28.
  assert.equal(cell(SAMPLE, 'ours/preloaded', /requests$/), '1,987')
  assert.equal(cell(SAMPLE, 'ours/preloaded', /fewer\sbytes/), '17.3')
  assert.equal(cell(SAMPLE, 'old/preloaded', /fewer\srequests/), '1')
})

test('without a baseline there are no ratios, without a broker no column for its log', () => {
  const { head } = tableOf({ ...SAMPLE, baseline: 'not among them', variants: SAMPLE.variants.slice(0, 3) })
  assert.ok(!head.some((text) => /fewer|Kafka/.test(text)))
})

test('a layer that was not seen is a dash in its row, and its reason is told once', () => {
  assert.equal(cell(SAMPLE, 'ours/preloaded', /calls/), '–')
  const { remarks } = tableOf(SAMPLE)
  assert.deepEqual(remarks.filter((remark) => remark.includes('strace')), ['System calls not seen: strace is not installed (ours/preloaded, kafka/lz4)'])
  assert.ok(remarks.includes('Block device, WAL not seen: no privilege to make block devices (ours/folders)'))
})

test('a reason that holds for every variant names none', () => {
  const variants = ['a', 'b'].map((name) => variant({ name, systemCalls: { absent: 'no strace' } }))
  assert.deepEqual(tableOf({ ...SAMPLE, variants }).remarks, ['System calls not seen: no strace'])
})

test('text and Markdown hold every variant, every array and every note', () => {
  for (const text of [renderText(SAMPLE), renderMarkdown(SAMPLE)]) {
    for (const { name } of SAMPLE.variants) assert.ok(text.includes(name), name)
    for (const { name } of SAMPLE.arrays) assert.ok(text.includes(name), name)
    assert.ok(text.includes('ours/preloaded: Frozen by VACUUM inside the window.'))
  }
})

test('a Markdown table stays a table whatever the names hold', () => {
  const name = 'a|b\\|c\n| d <script>'
  const lines = renderMarkdown({ ...SAMPLE, variants: [variant({ name })] }).split('\n').filter((line) => line.startsWith('|'))
  assert.equal(lines.length, 3)
  const columns = lines.map((line) => line.match(/(?<!\\)\|/g)!.length)
  assert.deepEqual(columns, [columns[0], columns[0], columns[0]])
  assert.ok(!lines[2]!.includes('<script>'))
})
