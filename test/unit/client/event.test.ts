import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeEvent } from '#client/event.ts'
import type { Codec } from '#runtime/avro/codec.ts'
import { murmur2 } from '#runtime/loop/partition-of-key.ts'
import { deriveTraceId, parseTraceparent } from '#runtime/telemetry/trace-parent.ts'

const codec: Codec = { encode: (_, value) => Buffer.from(JSON.stringify(value)), decode: () => { throw new Error('not read here') } }
const assetId = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'
const event = { assetId, submittedAtMs: 1_700_000_000_000, submission: { uri: 'https://example.org/a.jpg', source: 'shop' } }

test('the record has the asset id as key, the place of that key among six partitions, and the event time', () => {
  const record = encodeEvent(codec, event)
  assert.equal(record.topic, 'asset.submitted')
  assert.equal(record.key?.toString(), assetId)
  assert.equal(record.partition, (murmur2(Buffer.from(assetId)) & 0x7fffffff) % 6)
  assert.equal(record.timestampMs, 1_700_000_000_000)
})

test('a submission repeated leads to the same event, byte for byte', () => {
  assert.deepEqual(encodeEvent(codec, event), encodeEvent(codec, event))
  const other = encodeEvent(codec, { ...event, assetId: '017f22e2-79b0-7cc3-98c4-dc0c0c073990' })
  assert.notEqual(other.headers['event-id'], encodeEvent(codec, event).headers['event-id'])
})

test('a trace goes on when it was given, and is otherwise the one that the row will name', () => {
  const given = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  assert.equal(encodeEvent(codec, { ...event, submission: { ...event.submission, traceparent: given } }).headers['traceparent'], given)
  const derived = parseTraceparent(encodeEvent(codec, event).headers['traceparent'] as string)
  assert.deepEqual(derived?.traceId, deriveTraceId(assetId))
})
