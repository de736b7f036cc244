import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chunksOf, toTopicMessages } from '#runtime/kafka/topic-messages.ts'
import type { OutgoingRecord } from '#runtime/loop/ports.ts'

const outgoing = (topic: string, partition: number, bytes = 1): OutgoingRecord => ({ topic, partition, key: null, value: Buffer.alloc(bytes), headers: {}, timestampMs: 7 })

test('every message names its partition, which kafkajs would draw anew for a keyless one on each retry (C9)', () => {
  const topics = toTopicMessages([outgoing('a', 2), outgoing('b', 0), outgoing('a', 1)])
  assert.deepEqual(topics.map(({ topic, messages }) => [topic, messages.map(({ partition, key }) => [partition, key])]), [['a', [[2, null], [1, null]]], ['b', [[0, null]]]])
})

test('a request holds no more for one partition than a broker takes, and an item is never split', () => {
  const items = [[outgoing('a', 0, 400_000)], [outgoing('a', 0, 400_000), outgoing('a', 1, 10)], [outgoing('a', 1, 10)]]
  assert.deepEqual(chunksOf(items, (item) => item), [[items[0]], [items[1], items[2]]])
})
