import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until, within } from '#stack/wait.ts'

test('waiting goes on through refusals until there is an answer', async () => {
  const answers: (() => string | undefined)[] = [() => { throw new Error('refused') }, () => undefined, () => 'ready']
  assert.equal(await until(async () => answers.shift()?.(), AbortSignal.timeout(10_000)), 'ready')
})

test('waiting that is called off says why, and what the last question met', async () => {
  const called = new AbortController()
  const waiting = until(async () => {
    called.abort(new Error('it took too long'))
    throw new Error('connection refused')
  }, called.signal)
  await assert.rejects(waiting, /it took too long \(last: connection refused\)/)
})

test('what takes longer than its time gives nothing', async () => {
  assert.equal(await within(new Promise(() => undefined), 5), undefined)
  assert.equal(await within(Promise.resolve('value'), 10_000), 'value')
})
