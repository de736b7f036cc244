import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineService } from '#runtime/define/service.ts'
import { defineSink, type SinkSpec } from '#runtime/define/sink.ts'
import { defineTopic } from '#runtime/define/topic.ts'
import { createLog } from '#runtime/log.ts'
import type { Failure, OutgoingRecord } from '#runtime/loop/ports.ts'
import { SinkCommit } from '#runtime/loop/sink-commit.ts'
import { SinkLane } from '#runtime/loop/sink-lane.ts'
import type { Entry } from '#runtime/loop/sink-queue.ts'
import { MemorySinkStore, MemoryTables } from '#runtime/memory/memory-sink-store.ts'
import { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { passTraceOn } from '#runtime/telemetry/tracing.ts'

const topicNamed = (name: string) => defineTopic<string>({ name, schema: {}, keyOf: (value) => value, partitions: 1 })
const made = topicNamed('text.made')
const kept = topicNamed('text.kept')
const refused = topicNamed('text.refused')

const POLICY = { minRows: 1, maxRows: 4, maxBytes: 1_000, maxAgeMs: 250, lullMs: 10 }

type Announcing = Pick<SinkSpec<string, string>, 'announceRow' | 'announceFailure'>

/** What was asked for and sent; `encode` fails for the row `odd`. */
function committing(announcing: Announcing) {
  const sent: string[] = []
  const sink = defineSink<string, string>({
    name: 'keep', version: 1, reads: made, recordsDeadLetters: false, writes: [kept, refused], commit: { latency: POLICY, raid5: POLICY },
    store: defineService({ name: 'unused', open: () => new MemorySinkStore<string>(new MemoryTables()) }),
    toRow: (text) => text, sizeOf: () => 1, ...announcing,
  })
  const commit = new SinkCommit<string>({
    sink, store: new MemorySinkStore<string>(new MemoryTables()), clock: new VirtualClock(), log: createLog('test', 'silent'),
    async send(records) {
      for (const { topic, value } of records) sent.push(`${topic} ${value!.toString()}`)
    },
    encode({ topic, key, value }): OutgoingRecord {
      if (value === 'odd') throw new Error('It has no form.')
      return { topic: topic.name, partition: 0, key: Buffer.from(key), value: Buffer.from(String(value)), headers: {}, timestampMs: 0 }
    },
  })
  return { commit, sent }
}

function entry(lane: SinkLane, offset: number, row: string, code?: string): Entry<string> {
  const record = { ...lane.id, offset, key: null, value: null, headers: new Map(), timestampMs: 0, size: 0 }
  const failure: Failure | undefined = code === undefined ? undefined : {
    ...lane.id, stage: 'keep', code, reason: '', key: null, offset, attempts: 1, eventTimeMs: 0, traceId: null, value: null,
  }
  return { lane, record, span: passTraceOn.begin({ name: 'keep', version: 1 }, record), row, failure, needsLetter: false, heldBytes: 1, arrivedMs: 0 }
}

const entries = (lane: SinkLane): Entry<string>[] => [entry(lane, 3, 'one'), entry(lane, 4, 'two', 'keep.bad'), entry(lane, 7, 'odd'), entry(lane, 8, 'three')]
const lane = (): SinkLane => new SinkLane({ topic: made.name, partition: 2 }, 9)
const POSITIONS = [{ topic: 'text.made', partition: 2, offset: 9 }]

test('rows and failures are announced in their order, without one that cannot be encoded', async () => {
  const { commit, sent } = committing({ announceRow: (row) => kept(row), announceFailure: ({ code }) => refused(code) })
  assert.deepEqual(await commit.announce(entries(lane())), POSITIONS)
  assert.deepEqual(sent, ['text.kept one', 'text.refused keep.bad', 'text.kept three'])
})

test('a sink may announce rows only, or failures only', async () => {
  const rows = committing({ announceRow: (row) => kept(row) })
  await rows.commit.announce(entries(lane()))
  assert.deepEqual(rows.sent, ['text.kept one', 'text.kept three'])
  const failures = committing({ announceFailure: ({ code }) => refused(code) })
  await failures.commit.announce(entries(lane()))
  assert.deepEqual(failures.sent, ['text.refused keep.bad'])
})

test('a sink that announces nothing writes nothing, and its offsets are committed all the same', async () => {
  const { commit, sent } = committing({})
  assert.deepEqual(await commit.announce(entries(lane())), POSITIONS)
  assert.deepEqual(sent, [])
})
