import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Halt, RetryLater } from '#runtime/errors.ts'
import { createLog } from '#runtime/log.ts'
import type { Outbox, OutgoingRecord } from '#runtime/loop/ports.ts'
import { SinkSender } from '#runtime/loop/sink-sender.ts'
import { emptyStats } from '#runtime/loop/stage-stats.ts'
import { settle, VirtualClock } from '#runtime/memory/virtual-clock.ts'

/** A send is full at 256 KiB: each of these fills one. */
const BYTES = 256 << 10

/** An outbox whose sends stay open until the test ends them. */
class OpenOutbox implements Outbox {
  readonly sends: { partitions: number[]; resolve: () => void; reject: (error: Error) => void }[] = []

  send(records: OutgoingRecord[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.sends.push({ partitions: records.map(({ partition }) => partition), resolve, reject })
    return promise
  }

  async close(): Promise<void> {}
}

function world() {
  const [outbox, clock, over, stats] = [new OpenOutbox(), new VirtualClock(), new AbortController(), emptyStats()]
  return { outbox, clock, over, stats, sender: new SinkSender({ outbox, clock, log: createLog('test', 'silent'), stats }, over.signal) }
}

/** Told apart by their partitions; `made` counts those that were asked for. */
function records(count: number, valueBytes: number) {
  const counting = { made: 0, all: make() }
  function* make(): Generator<OutgoingRecord> {
    for (let partition = 0; partition < count; partition++) {
      counting.made += 1
      yield { topic: 'a.b', partition, key: null, value: Buffer.alloc(valueBytes), headers: {}, timestampMs: 0 }
    }
  }
  return counting
}

test('records are asked for as those before them are acknowledged, and go in their order', async () => {
  const { sender, outbox } = world()
  const twenty = records(20, BYTES)
  const sent = sender.send(twenty.all)
  await settle()
  const underWay = outbox.sends.length
  assert.ok(underWay > 1 && underWay < 20)
  assert.equal(twenty.made, underWay)
  for (let acknowledged = 0; acknowledged < 20; acknowledged++) {
    outbox.sends[acknowledged]!.resolve()
    await settle()
  }
  await sent
  assert.deepEqual(outbox.sends.map(({ partitions }) => partitions), Array.from({ length: 20 }, (_, n) => [n]))
})

test('small records share a send, and none is left out at the end', async () => {
  const { sender, outbox } = world()
  const sent = sender.send(records(1_000, 1_000).all)
  await settle()
  for (const { resolve } of outbox.sends) resolve()
  await sent
  assert.deepEqual(outbox.sends.flatMap(({ partitions }) => partitions), Array.from({ length: 1_000 }, (_, n) => n))
  // 262,144 bytes hold 201 records of 1,000 bytes and 300 around them: 202 pass the bound.
  assert.deepEqual(outbox.sends.map(({ partitions }) => partitions.length), [202, 202, 202, 202, 192])
})

test('nothing is sent for no records', async () => {
  const { sender, outbox } = world()
  await sender.send([])
  assert.equal(outbox.sends.length, 0)
})

test('a send that was not acknowledged is made again, until it is', async () => {
  const { sender, outbox, clock, stats } = world()
  const sent = sender.send(records(1, 1).all)
  await settle()
  outbox.sends[0]!.reject(new RetryLater('kafka.send-timeout', 'away'))
  await clock.advance(1_000)
  assert.deepEqual(outbox.sends.map(({ partitions }) => partitions), [[0], [0]])
  outbox.sends[1]!.resolve()
  await sent
  assert.equal(stats.retries, 1)
})

test('a halt ends it: no more records are asked for', async () => {
  const { sender, outbox } = world()
  const twenty = records(20, BYTES)
  const sent = sender.send(twenty.all)
  await settle()
  const { made } = twenty
  outbox.sends[0]!.reject(new Halt('kafka.refused', 'no', 'Grant it.'))
  await assert.rejects(sent, { code: 'kafka.refused' })
  for (const { resolve } of outbox.sends.slice(1)) resolve()
  await settle()
  assert.equal(twenty.made, made)
})

test('when no more time is given it ends before the next records', async () => {
  const { sender, outbox, over } = world()
  const twenty = records(20, BYTES)
  const sent = sender.send(twenty.all)
  await settle()
  const underWay = outbox.sends.length
  over.abort()
  for (const { resolve } of outbox.sends) resolve()
  await assert.rejects(sent, { name: 'AbortError' })
  assert.equal(outbox.sends.length, underWay)
})
