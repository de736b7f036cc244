import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommitPolicy } from '#runtime/define/sink.ts'
import type { PartitionId, SourceRecord } from '#runtime/loop/ports.ts'
import { SinkLane } from '#runtime/loop/sink-lane.ts'
import { SinkLimits } from '#runtime/loop/sink-limits.ts'
import { SinkQueue, type Entry } from '#runtime/loop/sink-queue.ts'
import { emptyStats } from '#runtime/loop/stage-stats.ts'

const POLICY: CommitPolicy = { minRows: 1, maxRows: 10, maxBytes: 1_000, maxAgeMs: 250, lullMs: 8 }

class Setting {
  readonly queue = new SinkQueue<number>()
  readonly lanes = [0, 1].map((partition) => new SinkLane({ topic: 'number.made', partition }, 0))
  readonly stats = emptyStats()
  readonly told: string[] = []
  readonly limits = new SinkLimits({
    policy: POLICY, queue: this.queue, lanes: () => this.lanes, stats: this.stats,
    source: { pause: (ids) => this.#tell('pause', ids), resume: (ids) => this.#tell('resume', ids) },
  })

  push(count: number, heldBytes: number, lane = this.lanes[0]!): void {
    for (let n = 0; n < count; n++) this.queue.push(entryOf(lane, heldBytes))
    this.limits.apply()
  }

  take(): () => void {
    return this.limits.underWay(this.queue.take(POLICY))
  }

  #tell(what: string, ids: PartitionId[]): void {
    this.told.push(`${what} ${ids.map(({ partition }) => partition).join()}`)
  }
}

function entryOf(lane: SinkLane, heldBytes: number): Entry<number> {
  const record: SourceRecord = { ...lane.id, offset: 0, key: null, value: null, headers: new Map(), timestampMs: 0, size: 0 }
  return { lane, record, span: { end() {} } as unknown as Entry<number>['span'], row: 1, failure: undefined, needsLetter: false, heldBytes, arrivedMs: 0 }
}

test('all partitions pause when more than two batches of rows wait, and go on when one batch is left', () => {
  const setting = new Setting()
  setting.push(20, 1)
  assert.deepEqual(setting.told, [])
  setting.push(1, 1)
  assert.deepEqual([setting.told, setting.stats.waiting], [['pause 0,1'], 21])
  setting.take() // leaves 11
  assert.deepEqual(setting.told, ['pause 0,1'])
  setting.take() // leaves 1
  assert.deepEqual(setting.told, ['pause 0,1', 'resume 0,1'])
})

test('bytes count until they are announced: above three batches partitions pause, at two they go on', () => {
  const setting = new Setting()
  setting.push(5, 200)
  const first = setting.take()
  setting.push(5, 200)
  const second = setting.take()
  setting.push(5, 200)
  assert.deepEqual([setting.told, setting.limits.heldBytes], [[], 3_000])
  setting.push(1, 200)
  assert.deepEqual([setting.told, setting.limits.heldBytes], [['pause 0,1'], 3_200])
  first()
  assert.deepEqual([setting.told, setting.limits.heldBytes], [['pause 0,1'], 2_200])
  second()
  assert.deepEqual([setting.told, setting.limits.heldBytes], [['pause 0,1', 'resume 0,1'], 1_200])
})

test('a batch holds no more bytes than its bound and one record, whatever its rows weigh', () => {
  const { queue, lanes } = new Setting()
  for (let n = 0; n < 9; n++) queue.push(entryOf(lanes[0]!, 300))
  assert.deepEqual(queue.take(POLICY).map(({ heldBytes }) => heldBytes), [300, 300, 300, 300])
})

test('records that were delivered and still wait to be decoded count as well', () => {
  const setting = new Setting()
  const value = Buffer.alloc(1_600)
  const record = (offset: number): SourceRecord => ({ topic: 'number.made', partition: 1, offset, key: null, value, headers: new Map(), timestampMs: 0, size: value.length })
  void setting.lanes[1]!.arrive([record(0), record(1)], () => new Promise(() => {}))
  setting.limits.apply()
  assert.deepEqual([setting.told, setting.limits.heldBytes], [['pause 0,1'], 3_200])
})

test('at the end nothing is told to go on', () => {
  const setting = new Setting()
  setting.push(21, 1)
  setting.limits.end()
  setting.take()
  setting.take()
  assert.deepEqual(setting.told, ['pause 0,1'])
})
