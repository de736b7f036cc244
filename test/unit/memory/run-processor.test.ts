import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Reject } from '#runtime/api.ts'
import { runProcessor } from '#runtime/memory/run-processor.ts'
import { counting, noteShouted, shouting } from '#test/support/sample-stage.ts'

test('a stage is tested with plain values in and plain values out', async () => {
  const { written, dead } = await runProcessor(shouting(), [{ id: 'a', text: 'x' }])
  assert.deepEqual(written['note.shouted']!.map((note) => ({ ...note })), [{ id: 'a', text: 'X' }])
  assert.deepEqual(dead, [])
})

test('what a stage rejects is told with its code', async () => {
  const stage = shouting((note) => {
    if (note.id === 'bad') throw new Reject('shout.bad', 'Bad.')
    return [noteShouted(note)]
  })
  const { written, dead } = await runProcessor(stage, [{ id: 'bad', text: 'x' }, { id: 'good', text: 'y' }])
  assert.equal(written['note.shouted']!.length, 1)
  assert.deepEqual(dead.map(({ stage: name, code, key }) => ({ name, code, key })), [{ name: 'shout', code: 'shout.bad', key: 'bad' }])
})

test('a stateful stage runs the same way', async () => {
  const { written } = await runProcessor(counting, ['a', 'b', 'a'].map((id) => ({ id, text: '' })))
  assert.deepEqual(written['note.counted']!.map(({ id, text }) => id + text), ['a1', 'b2', 'a1'])
})

test('a stage that writes to a topic it does not declare has its record dead-lettered as a defect', async () => {
  const stage = { ...shouting(), writes: [] }
  const { dead } = await runProcessor(stage, [{ id: 'a', text: 'x' }])
  assert.equal(dead[0]!.code, 'runtime.undeclared-output')
})
