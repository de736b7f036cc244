/** A sink's loop with the project's codec, on the topics that it reads. */
import type { Codec } from '../avro/codec.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Sink } from '../define/sink.ts'
import type { Topology } from '../define/topology.ts'
import type { Failpoint } from '../failpoints.ts'
import type { Log } from '../log.ts'
import { passTraceOn, type Tracing } from '../telemetry/tracing.ts'
import { deadLetterTopic } from './dead-letter.ts'
import type { Outbox, SinkStore, Source, SourceRecord } from './ports.ts'
import { encodeOutputs } from './record-encoder.ts'
import { checkKey } from './record-work.ts'
import { SinkLoop } from './sink-loop.ts'
import type { StageStats } from './stage-stats.ts'

/** What a process gives to a sink. */
export interface SinkEnvironment {
  codec: Codec
  outbox: Outbox
  config: Config
  topology: Pick<Topology, 'stages'>
  tracing?: Tracing
  clock: Clock
  log: Log
  stats: StageStats
  at?: Failpoint | undefined
}

/** `source` opens the group's member for these topics. */
export function openSinkLoop(options: { sink: Sink; parts: SinkEnvironment; source: (topics: string[]) => Source; store: SinkStore<any> }): SinkLoop {
  const { sink, store, parts: { codec, outbox, config, topology, clock, log, stats, at, tracing = passTraceOn } } = options
  return new SinkLoop({
    sink, store, outbox, clock, log, stats, tracing, at,
    policy: sink.commit[config.sinkProfile],
    source: options.source(sinkTopics(sink, topology)),
    decode: (record) => decodeKeyed(codec, sink, record),
    encode: (outgoing, input, span) => encodeOutputs(sink, codec, input, [outgoing], span)[0]!,
  })
}

/** The topic that becomes rows, and the dead letters of every other stage when the sink records them. */
export function sinkTopics(sink: Sink, topology: Pick<Topology, 'stages'>): string[] {
  const others = topology.stages.filter(({ name }) => name !== sink.name)
  return [sink.reads.name, ...(sink.recordsDeadLetters ? others.map(({ name }) => deadLetterTopic(name)) : [])]
}

function decodeKeyed<In>(codec: Codec, sink: Sink<In>, record: SourceRecord): In | Promise<In> {
  const check = (value: In): In => {
    checkKey(sink.reads.keyOf(value), record.key)
    return value
  }
  const value = codec.decode(sink.reads, record.value)
  return value instanceof Promise ? value.then(check) : check(value)
}
