/** Runs a stage on plain values, without Kafka: the same loop, on the in-memory log. */
import { openCodec } from '../avro/codec.ts'
import type { Clock } from '../clock.ts'
import type { Processor, StatefulProcessor } from '../define/processor.ts'
import type { Opened, Services } from '../define/service.ts'
import { topicsOf } from '../define/topology.ts'
import type { Topic } from '../define/topic.ts'
import { createLog } from '../log.ts'
import { systemClock } from '../clock.ts'
import { Breaker } from '../loop/breaker.ts'
import { deadLetterTopic, parseDeadLetter } from '../loop/dead-letter.ts'
import { openHandler } from '../loop/handler.ts'
import type { Failure, SourceRecord } from '../loop/ports.ts'
import { encodeRecord } from '../loop/record-encoder.ts'
import { RecordWork } from '../loop/record-work.ts'
import { StageLoop } from '../loop/stage-loop.ts'
import { emptyStats } from '../loop/stage-stats.ts'
import { StatefulLoop } from '../loop/stateful-loop.ts'
import { passTraceOn } from '../telemetry/tracing.ts'
import { MemoryLog, MemoryOutbox, MemoryTaskBroker, MemorySource } from './memory-log.ts'
import { registryOf } from './memory-registry.ts'

export interface StageRun {
  /** Values written, in order, by topic name. */
  written: Record<string, any[]>
  /** The records behind them. */
  records: Record<string, SourceRecord[]>
  dead: Failure[]
}

export interface RunOptions<S extends Services> {
  services?: Partial<Opened<S>>
  clock?: Clock
  /** Event time of the records; default 0. */
  timestampMs?: number
}

/** Feeds `values` to a stage and waits until each is written or dead. */
export async function runProcessor<In, S extends Services>(
  stage: Processor<In, S> | StatefulProcessor<In, any, any, S>, values: In[], options: RunOptions<S> = {},
): Promise<StageRun> {
  const { reads } = stage
  const log = new MemoryLog()
  const source = new MemorySource(log, stage.name)
  const codec = await openCodec(await registryOf(topicsOf(stage)), topicsOf(stage))
  const parts = {
    codec, source, clock: options.clock ?? systemClock, log: createLog(stage.name, 'silent'), stats: emptyStats(), tracing: passTraceOn,
    services: (options.services ?? {}) as Opened<Services>,
  }
  const loop = stage.kind === 'stateful'
    ? new StatefulLoop({ ...parts, processor: stage as StatefulProcessor, broker: new MemoryTaskBroker(log, stage.name, stage.state.changelog.name) })
    : statelessLoop(stage as Processor, parts, log)
  await loop.start()
  for (const value of values) log.append({ ...encodeRecord(codec, reads(value), options.timestampMs ?? 0, {}), partition: 0 })
  await source.assign([{ topic: reads.name, partition: 0 }])
  while (parts.stats.written + parts.stats.dead < values.length) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 1)), loop.ended])
  }
  await loop.stop()
  return { ...(await collect(log, stage.writes, codec)), dead: log.read(deadLetterTopic(stage.name)).map(parseDeadLetter) }
}

type Parts = Omit<ConstructorParameters<typeof StatefulLoop>[0], 'processor' | 'broker'>

function statelessLoop(processor: Processor, parts: Parts, log: MemoryLog): StageLoop {
  const { services, clock, codec, tracing, stats, source } = parts
  const attempt = openHandler({ processor, services, clock, log: parts.log })
  const outbox = new MemoryOutbox(log)
  return new StageLoop({
    processor, source, clock, stats, log: parts.log,
    work: (halt) => new RecordWork({ processor, codec, outbox, clock, log: parts.log, tracing, stats, breaker: new Breaker(processor.name), attempt, halt }),
  })
}

async function collect(log: MemoryLog, writes: Topic[], codec: Awaited<ReturnType<typeof openCodec>>): Promise<Pick<StageRun, 'written' | 'records'>> {
  const written: Record<string, unknown[]> = {}
  const records: Record<string, SourceRecord[]> = {}
  for (const topic of writes) {
    records[topic.name] = log.readAll(topic.name)
    written[topic.name] = await Promise.all(records[topic.name]!.map(({ value }) => codec.decode(topic, value)))
  }
  return { written, records } as Pick<StageRun, 'written' | 'records'>
}
