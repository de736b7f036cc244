import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Halt, Reject, RetryLater, type Outgoing, type Processor } from '#runtime/api.ts'
import { openCodec } from '#runtime/avro/codec.ts'
import { createLog } from '#runtime/log.ts'
import { Breaker } from '#runtime/loop/breaker.ts'
import { openHandler } from '#runtime/loop/handler.ts'
import { RecordWork } from '#runtime/loop/record-work.ts'
import { StageLoop } from '#runtime/loop/stage-loop.ts'
import { emptyStats } from '#runtime/loop/stage-stats.ts'
import { MemoryLog, MemoryOutbox, MemorySource } from '#runtime/memory/memory-log.ts'
import { registryOf } from '#runtime/memory/memory-registry.ts'
import { settle, VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { passTraceOn } from '#runtime/telemetry/tracing.ts'
import { noteShouted, noteTaken, shouting, type Note } from '#test/support/sample-stage.ts'

const P0 = { topic: noteTaken.name, partition: 0 }
const P1 = { topic: noteTaken.name, partition: 1 }

async function bench(processor: Processor = shouting() as Processor, log = new MemoryLog()) {
  const clock = new VirtualClock()
  const topics = [noteTaken, noteShouted]
  const codec = await openCodec(await registryOf(topics), topics)
  const source = new MemorySource(log, 'shout')
  const outbox = new MemoryOutbox(log)
  const stats = emptyStats()
  const quiet = createLog('test', 'silent')
  const attempt = openHandler({ processor, services: {}, clock, log: quiet })
  const loop = new StageLoop({
    processor, source, clock, stats, log: quiet,
    work: (halt) => new RecordWork({ processor, codec, outbox, clock, log: quiet, tracing: passTraceOn, stats, breaker: new Breaker(processor.name), attempt, halt }),
  })
  await loop.start()
  const take = (note: Note, partition = 0) => log.append({ ...P0, partition, key: Buffer.from(note.id), value: codec.encode(noteTaken, note), headers: {}, timestampMs: 42 })
  const shouted = async () => Promise.all(log.readAll(noteShouted.name).map(async ({ value }) => (await codec.decode(noteShouted, value)).text))
  return { log, clock, source, outbox, stats, loop, take, shouted, codec }
}

test('each record leads to its output, and the offset is committed after it', async () => {
  const { take, source, shouted, clock, log } = await bench()
  take({ id: 'a', text: 'x' })
  take({ id: 'b', text: 'y' })
  await source.assign([P0])
  await settle()
  assert.deepEqual(await shouted(), ['X', 'Y'])
  assert.equal(log.committed('shout', P0), undefined, 'not before the cadence')
  await clock.advance(1_000)
  assert.equal(log.committed('shout', P0), 2)
})

test('an offset is not committed before its outputs are acknowledged (I1)', async () => {
  const { take, source, outbox, clock, log } = await bench()
  let down = true
  outbox.fault = () => {
    if (down) throw new RetryLater('kafka.unreachable', 'down')
  }
  take({ id: 'a', text: 'x' })
  await source.assign([P0])
  await clock.advance(50)
  await clock.advance(1_000)
  assert.equal(log.committed('shout', P0), undefined)
  down = false
  await clock.advance(5_000)
  assert.equal(log.committed('shout', P0), 1)
})

test('outputs keep the event time and the trace of their input, and carry an event id', async () => {
  const { take, source, log } = await bench()
  take({ id: 'a', text: 'x' })
  await source.assign([P0])
  await settle()
  const [output] = log.readAll(noteShouted.name)
  assert.equal(output!.timestampMs, 42)
  assert.match(output!.headers.get('event-id')!.toString(), /^[0-9a-f]{32}$/)
  assert.match(output!.headers.get('traceparent')!.toString(), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
})

test('a rejected record becomes a dead letter and does not hold back its partition (I6, I7)', async () => {
  const processor = shouting((note) => {
    if (note.id === 'bad') throw new Reject('shout.bad', 'Bad.')
    return [noteShouted(note)]
  })
  const { take, source, shouted, clock, log } = await bench(processor as Processor)
  take({ id: 'bad', text: 'x' })
  take({ id: 'good', text: 'y' })
  await source.assign([P0])
  await clock.advance(1_000)
  assert.deepEqual(await shouted(), ['y'])
  const [letter] = log.read('shout.dead')
  assert.equal(letter!.headers.get('dead-code')!.toString(), 'shout.bad')
  assert.deepEqual(letter!.value, log.read(noteTaken.name)[0]!.value)
  assert.equal(log.committed('shout', P0), 2)
})

test('a retried record delays its own key and no other', async () => {
  let failures = 2
  const processor = shouting((note) => {
    if (note.text === 'slow' && failures-- > 0) throw new RetryLater('shout.busy', 'Busy.')
    return [noteShouted(note)]
  })
  const { take, source, shouted, clock, stats } = await bench(processor as Processor)
  take({ id: 'a', text: 'slow' })
  take({ id: 'a', text: 'behind' })
  take({ id: 'b', text: 'other' })
  await source.assign([P0])
  await settle()
  assert.deepEqual(await shouted(), ['other'])
  await clock.advance(3_000)
  assert.deepEqual(await shouted(), ['other', 'slow', 'behind'].sort((x) => (x === 'other' ? -1 : 0)))
  assert.equal(stats.retries, 2)
})

test('when its attempts are spent a record is dead-lettered with the code of the last failure', async () => {
  const processor = shouting(() => {
    throw new RetryLater('shout.busy', 'Busy.')
  })
  const { take, source, clock, log } = await bench(processor as Processor)
  take({ id: 'a', text: 'x' })
  await source.assign([P0])
  await clock.advance(10_000)
  const [letter] = log.read('shout.dead')
  assert.equal(letter!.headers.get('dead-code')!.toString(), 'shout.busy')
  assert.equal(letter!.headers.get('dead-attempts')!.toString(), '3')
})

test('an error that nobody classified is retried and then dead-lettered as such', async () => {
  const processor = shouting(() => {
    throw new TypeError('oops')
  })
  const { take, source, clock, log } = await bench(processor as Processor)
  take({ id: 'a', text: 'x' })
  await source.assign([P0])
  await clock.advance(10_000)
  const [letter] = log.read('shout.dead')
  assert.equal(letter!.headers.get('dead-code')!.toString(), 'runtime.unclassified')
  assert.equal(letter!.headers.get('dead-reason')!.toString(), 'oops')
})

test('a halt commits nothing more and ends the stage with the remedy', async () => {
  const processor = shouting((note) => {
    if (note.id === 'b') throw new Halt('shout.broken', 'Broken.', 'Mend it.')
    return [noteShouted(note)]
  })
  const { take, source, clock, log, loop } = await bench(processor as Processor)
  take({ id: 'b', text: 'x' })
  take({ id: 'c', text: 'y' })
  await source.assign([P0])
  await assert.rejects(loop.ended, { code: 'shout.broken', remedy: 'Mend it.' })
  await clock.advance(5_000)
  assert.equal(log.committed('shout', P0), undefined)
})

test('bytes that are no record, and records without a key, are dead-lettered with their own codes', async () => {
  const { source, log, clock, codec } = await bench()
  const put = (key: Buffer | null, value: Buffer | null) => log.append({ ...P0, key, value, headers: {}, timestampMs: 0 })
  const good = codec.encode(noteTaken, { id: 'a', text: 'x' })
  put(Buffer.from('a'), null)
  put(Buffer.from('a'), Buffer.from('not avro'))
  put(Buffer.from('a'), Buffer.from([0, 0, 0, 0, 99, 1]))
  put(Buffer.from('a'), good.subarray(0, good.length - 1))
  put(null, good)
  put(Buffer.from('z'), good)
  await source.assign([P0])
  await clock.advance(1_000)
  assert.deepEqual(log.read('shout.dead').map(({ headers }) => headers.get('dead-code')!.toString()).sort(), [
    'record.bad-magic', 'record.key-mismatch', 'record.no-key', 'record.no-value', 'record.undecodable', 'record.unknown-schema',
  ])
  assert.equal(log.committed('shout', P0), 6)
})

test('a lost acknowledgement repeats the output byte for byte, with the same event id (I3)', async () => {
  const { take, source, outbox, log, clock } = await bench()
  let lose = true
  outbox.fault = () => {
    if (!lose) return
    lose = false
    return 'lost-reply'
  }
  take({ id: 'a', text: 'x' })
  await source.assign([P0])
  await clock.advance(2_000)
  const [first, second, ...more] = log.readAll(noteShouted.name)
  assert.equal(more.length, 0)
  assert.deepEqual(second!.value, first!.value)
  assert.deepEqual(second!.headers, first!.headers)
})

test('a partition that is taken away commits nothing of what was in flight, and its next owner repeats it', async () => {
  const gate = Promise.withResolvers<void>()
  const processor = shouting(async (note) => {
    await gate.promise
    return [noteShouted(note)]
  })
  const first = await bench(processor as Processor)
  first.take({ id: 'a', text: 'x' })
  await first.source.assign([P0])
  await settle()
  first.source.revoke([P0])
  gate.resolve()
  await first.clock.advance(2_000)
  assert.equal(first.log.committed('shout', P0), undefined)
  const second = await bench(shouting() as Processor, first.log)
  await second.source.assign([P0])
  await second.clock.advance(1_000)
  assert.equal(first.log.committed('shout', P0), 1)
  assert.deepEqual(await second.shouted(), ['X'])
})

test('a partition that is kept over a rebalance does not start again what is in flight', async () => {
  const gate = Promise.withResolvers<void>()
  let calls = 0
  const processor = shouting(async (note) => {
    calls += 1
    await gate.promise
    return [noteShouted(note)]
  })
  const { take, source, clock, log, shouted } = await bench(processor as Processor)
  take({ id: 'a', text: 'x' })
  await source.assign([P0])
  await settle()
  await source.assign([P0, P1])
  await settle()
  gate.resolve()
  await clock.advance(1_000)
  assert.equal(calls, 1)
  assert.deepEqual(await shouted(), ['x'])
  assert.equal(log.committed('shout', P0), 1)
})

test('a partition that holds too much is paused, and resumed when it is half empty', async () => {
  const gates: (() => void)[] = []
  const processor = shouting((note) => new Promise<Outgoing[]>((resolve) => gates.push(() => resolve([noteShouted(note)]))))
  const { take, source } = await bench(processor as Processor)
  for (let n = 0; n < 2_000; n++) take({ id: `k${n}`, text: 'x' })
  await source.assign([P0])
  await settle()
  assert.equal(source.isPaused(P0), true)
  assert.equal(gates.length, 8, 'no more handlers at once than declared')
  while (source.isPaused(P0)) {
    for (const open of gates.splice(0)) open()
    await settle()
  }
  for (let rest = 0; rest < 300; rest++) {
    for (const open of gates.splice(0)) open()
    await new Promise((resolve) => setImmediate(resolve))
  }
})

test('stopping lets what runs end and commits it, and drops what waits for a retry', async () => {
  const gate = Promise.withResolvers<void>()
  const processor = shouting(async (note) => {
    if (note.id === 'busy') throw new RetryLater('shout.busy', 'Busy.', { afterMs: 9_000 })
    await gate.promise
    return [noteShouted(note)]
  })
  const { take, source, loop, log, shouted } = await bench(processor as Processor)
  take({ id: 'a', text: 'x' })
  take({ id: 'busy', text: 'y' })
  await source.assign([P0])
  await settle()
  const stopped = loop.stop()
  await settle()
  gate.resolve()
  await stopped
  assert.deepEqual(await shouted(), ['x'])
  assert.equal(log.committed('shout', P0), 1)
})

test('offsets that could not be committed are committed by the next cadence', async () => {
  const { take, source, clock, log } = await bench()
  source.commitFailure = new Error('rebalance in progress')
  take({ id: 'a', text: 'x' })
  await source.assign([P0])
  await clock.advance(1_000)
  source.commitFailure = undefined
  await clock.advance(1_000)
  assert.equal(log.committed('shout', P0), 1)
})
