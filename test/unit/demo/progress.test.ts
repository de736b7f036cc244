import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import type { Clock } from '../../../runtime/clock.ts'
import { openProgress, renderStages, type StageProgress } from '../../../cli/demo/progress.ts'

const HALF: StageProgress = { stage: 'normalize', done: 60, total: 120, perSecond: 12, lagSeconds: 3.4, dead: 2 }

/** A clock whose intervals run when told. */
function handClock() {
  const intervals = new Map<() => void, number>()
  let now = 0
  const clock: Pick<Clock, 'every' | 'monotonicMs'> = {
    monotonicMs: () => now,
    every(ms, run) {
      intervals.set(run, ms)
      return () => intervals.delete(run)
    },
  }
  return { clock: clock as Clock, intervals, tick(ms: number) { now += ms; for (const run of intervals.keys()) run() } }
}

function screen(isTTY: boolean) {
  const output = Object.assign(new PassThrough(), { isTTY, columns: 81, rows: 24 })
  let text = ''
  output.on('data', (chunk: Buffer) => { text += chunk.toString() })
  return { output, text: () => text }
}

test('a line tells how far the stage is, how fast, how late, and when it will be done', () => {
  const [head, line] = renderStages([HALF], 80)
  assert.match(head!, /^stage .* done +rate +lag +dead +left$/)
  // 60 left at 12 a second: 5 seconds.
  assert.match(line!, /^normalize █+[▏▎▍▌▋▊▉]?·+ +60\/120 +12\/s +3\.4s +2 +5\.0s$/)
})

test('the bar is filled by the share that is done', () => {
  const bar = (done: number) => renderStages([{ ...HALF, done }], 80)[1]!.match(/[█▏▎▍▌▋▊▉·]+/)![0]
  const full = bar(120).length
  assert.equal(bar(120), '█'.repeat(full))
  assert.equal(bar(0), '·'.repeat(full))
  assert.equal([...bar(60)].filter((cell) => cell === '█').length, Math.floor(full / 2))
})

test('no line is wider than the terminal, however narrow it is', () => {
  for (const width of [20, 40, 50, 60, 79, 80, 200]) {
    for (const line of renderStages([HALF, { ...HALF, stage: 'a-stage-with-a-very-long-name', done: 123_456_789 }], width)) assert.ok(line.length <= width, `${width}: ${line}`)
  }
})

test('a stage whose total is unknown has no bar and no end', () => {
  const [, line] = renderStages([{ stage: 'fetch', done: 12_345, perSecond: 0, lagSeconds: 0, dead: 0 }], 80)
  assert.match(line!, /^fetch +12k +0\/s +- +-\s*$/)
})

test('a stage that stands still has no known end, a finished one has none left', () => {
  assert.match(renderStages([{ ...HALF, perSecond: 0 }], 80)[1]!, /\?$/)
  assert.match(renderStages([{ ...HALF, done: 120 }], 80)[1]!.trimEnd(), / 2$/)
})

test('on a terminal the lines are drawn over each other, at most five times a second', () => {
  const { clock, intervals, tick } = handClock()
  const { output, text } = screen(true)
  const progress = openProgress(output, clock)
  assert.deepEqual([...intervals.values()], [200])
  for (let n = 0; n < 50; n++) progress.update([{ ...HALF, done: n }])
  tick(200)
  tick(200)
  assert.equal(text().match(/normalize/g)?.length, 1)
  progress.update([HALF])
  tick(200)
  assert.ok(text().includes('\u001b[2A'), 'the cursor goes up by the heading and one line')
  progress.stop()
})

test('stopping shows the last figures, brings the cursor back and leaves no listener behind', () => {
  const { clock, intervals } = handClock()
  const { output, text } = screen(true)
  const listeners = () => process.listenerCount('exit') + process.listenerCount('SIGINT')
  const before = listeners()
  const progress = openProgress(output, clock)
  assert.equal(listeners(), before + 2)
  progress.update([{ ...HALF, done: 119 }])
  progress.stop()
  progress.stop()
  assert.match(text(), /119\/120/)
  assert.equal(text().match(/\u001b\[\?25h/g)?.length, 1)
  assert.ok(text().endsWith('\u001b[?25h'))
  assert.equal(listeners(), before)
  assert.equal(intervals.size, 0)
})

test('an interrupt brings the cursor back before anybody else acts on it', () => {
  const { output, text } = screen(true)
  const someoneElse = () => undefined
  process.on('SIGINT', someoneElse)
  try {
    openProgress(output, handClock().clock)
    process.emit('SIGINT')
    assert.ok(text().endsWith('\u001b[?25h'))
  } finally {
    process.off('SIGINT', someoneElse)
  }
})

test('elsewhere than on a terminal there are plain lines, and none that says nothing new', () => {
  const { clock, tick } = handClock()
  const { output, text } = screen(false)
  const progress = openProgress(output, clock)
  progress.update([HALF, { ...HALF, stage: 'embed', dead: 0 }])
  tick(5000)
  tick(5000)
  progress.stop()
  assert.equal(text(), 'normalize 60/120 (2 dead), embed 60/120\ndone after 10.0 s\n')
})
