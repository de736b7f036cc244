import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PartitionTask } from '#runtime/loop/partition-task.ts'
import type { SourceRecord } from '#runtime/loop/ports.ts'
import type { RecordOutcome, RecordWork } from '#runtime/loop/record-work.ts'
import { settle } from '#runtime/memory/virtual-clock.ts'

const P0 = { topic: 't', partition: 0 }

function recordAt(offset: number): SourceRecord {
  return { ...P0, offset, key: Buffer.from('k'), value: null, headers: new Map(), timestampMs: 0, size: 1 }
}

/** A task whose records end when the test says so. */
function bench() {
  const started: number[] = []
  const running: ((outcome: RecordOutcome) => void)[] = []
  const work = { run: ({ offset }: SourceRecord) => new Promise<RecordOutcome>((end) => { started.push(offset); running.push(end) }) } as unknown as RecordWork
  const task = new PartitionTask({
    id: P0, work, inFlight: 8, order: 'per-key', bounds: { records: 100, bytes: 1 << 20 }, pause: () => {}, resume: () => {}, finished: () => {},
  })
  return { task, started, finishOne: async () => { running.shift()!('finished'); await settle() } }
}

test('records that are delivered again are not started again, in flight or finished', async () => {
  const { task, started, finishOne } = bench()
  task.accept([recordAt(0), recordAt(1)])
  task.accept([recordAt(0), recordAt(1), recordAt(2)])
  await finishOne()
  task.accept([recordAt(0)])
  await finishOne()
  await finishOne()
  assert.deepEqual(started, [0, 1, 2])
  assert.deepEqual(task.due(), { ...P0, offset: 3 })
})
