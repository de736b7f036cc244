/**
 * A restore that breaks off has applied some of the changelog to the state, and nobody knows how much:
 *   1. a member keeps its partition over a rebalance, and with it a state with entry a
 *   2. meanwhile another member had the partition and wrote entry b
 *   3. the first one reads on behind a, applies b, and the broker goes away
 *   4. it tries again; reading on behind a once more would count b twice
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RetryLater } from '#runtime/api.ts'
import { openCodec } from '#runtime/avro/codec.ts'
import { createLog } from '#runtime/log.ts'
import { StatefulLoop } from '#runtime/loop/stateful-loop.ts'
import { emptyStats } from '#runtime/loop/stage-stats.ts'
import { MemoryLog, MemorySource, MemoryTaskBroker } from '#runtime/memory/memory-log.ts'
import { registryOf } from '#runtime/memory/memory-registry.ts'
import { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { passTraceOn } from '#runtime/telemetry/tracing.ts'
import { countKept, counting, noteCounted, noteTaken } from '#test/support/sample-stage.ts'

const P0 = { topic: noteTaken.name, partition: 0 }
const TOPICS = [noteTaken, noteCounted, countKept]

test('a state whose restore broke off is thrown away, not read on with', async () => {
  const [log, clock] = [new MemoryLog(), new VirtualClock()]
  const codec = await openCodec(await registryOf(TOPICS), TOPICS)
  const member = async () => {
    const [source, broker] = [new MemorySource(log, 'count'), new MemoryTaskBroker(log, 'count', countKept.name)]
    const loop = new StatefulLoop({
      processor: counting, source, broker, codec, services: {}, clock, log: createLog('test', 'silent'), tracing: passTraceOn, stats: emptyStats(),
    })
    await loop.start()
    return { source, broker }
  }
  const take = (id: string) => log.append({ ...P0, key: Buffer.from(id), value: codec.encode(noteTaken, { id, text: '' }), headers: {}, timestampMs: 1 })
  const [first, second] = [await member(), await member()]
  take('a')
  await first.source.assign([P0])
  await clock.advance(100)

  first.source.pause([P0])
  take('b')
  await second.source.assign([P0])
  await clock.advance(100)
  second.source.revoke([P0])

  const readChangelog = first.broker.readChangelog.bind(first.broker)
  first.broker.readChangelog = async (partition, from, handOver) => {
    first.broker.readChangelog = readChangelog
    await handOver(log.read(countKept.name, partition).slice(from, -1)) // all but our own barrier
    throw new RetryLater('kafka.unreachable', 'away')
  }
  const assigned = first.source.assign([P0])
  await clock.advance(10_000)
  await assigned
  take('c')
  await clock.advance(100)
  const counted = await Promise.all(log.readAll(noteCounted.name).map(async ({ value }) => codec.decode(noteCounted, value)))
  assert.deepEqual(counted.map(({ id, text }) => `${id}${text}`), ['a1', 'b2', 'c3'])
})
