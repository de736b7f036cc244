/** Puts a stage's loop together with Kafka, the registry and the stage's services, and runs it. */
import { openCodec, type Codec } from './avro/codec.ts'
import { connectRegistry } from './avro/registry.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { Processor, StatefulProcessor } from './define/processor.ts'
import type { Opened, Service, ServiceEnvironment, Services } from './define/service.ts'
import type { Sink } from './define/sink.ts'
import { topicsOf, type Stage, type Topology } from './define/topology.ts'
import type { Failpoint } from './failpoints.ts'
import type { KafkaConnection } from './kafka/client.ts'
import { KafkaOutbox } from './kafka/outbox.ts'
import { KafkaSource } from './kafka/source.ts'
import { KafkaTaskBroker } from './kafka/task-broker.ts'
import { topicId } from './kafka/topic-id.ts'
import type { Log } from './log.ts'
import { Breaker } from './loop/breaker.ts'
import { openHandler } from './loop/handler.ts'
import type { Outbox } from './loop/ports.ts'
import { RecordWork } from './loop/record-work.ts'
import { openSinkLoop } from './loop/open-sink-loop.ts'
import { StageLoop } from './loop/stage-loop.ts'
import { emptyStats, type StageStats } from './loop/stage-stats.ts'
import { StatefulLoop } from './loop/stateful-loop.ts'
import { Snapshots } from './state/snapshots.ts'
import { passTraceOn, type Tracing } from './telemetry/tracing.ts'

/** A stage that runs. */
export interface RunningStage {
  name: string
  stats: StageStats
  /** Rejects with what stopped the stage; resolves after `stop`. */
  ended: Promise<void>
  /** Lets what runs end, commits it, and leaves the group. */
  stop(): Promise<void>
}

/** What the stages of a process share. */
export interface StageEnvironment {
  config: Config
  connection: KafkaConnection
  topology: Topology
  clock: Clock
  log: Log
  tracing?: Tracing
  services: ServicePool
  /** For fault tests. */
  at?: Failpoint | undefined
}

/** Opens each service at most once, and closes all. */
export class ServicePool {
  readonly #environment: ServiceEnvironment
  readonly #opened = new Map<Service<unknown>, Promise<unknown>>()

  constructor(environment: ServiceEnvironment) {
    this.#environment = environment
  }

  async openAll<S extends Services>(services: S): Promise<Opened<S>> {
    const entries = Object.entries(services).map(async ([name, service]) => [name, await this.open(service)])
    return Object.fromEntries(await Promise.all(entries)) as Opened<S>
  }

  open<T>(service: Service<T>): Promise<T> {
    const opened = this.#opened.get(service) ?? Promise.resolve(service.open(this.#environment))
    this.#opened.set(service, opened)
    return opened as Promise<T>
  }

  /** Closes what was opened, each on its own. @throws AggregateError when some did not close */
  async closeAll(): Promise<void> {
    const opened = [...this.#opened]
    this.#opened.clear()
    const closing = await Promise.allSettled(opened.map(([service, promise]) => closeOne(service, promise)))
    const failures = closing.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
    if (failures.length > 0) throw new AggregateError(failures, 'some services did not close')
  }
}

/** What could not be opened has nothing to close; its failure was told to who opened it. */
async function closeOne(service: Service<unknown>, opening: Promise<unknown>): Promise<void> {
  const opened = await opening.then((value) => ({ value }), () => undefined)
  if (opened) await service.close?.(opened.value)
}

/** Group of a stage's members. */
export function groupOf(config: Pick<Config, 'app'>, stage: { name: string }): string {
  return `${config.app}.${stage.name}`
}

/** Starts a stage in this process; a second process that runs it shares its partitions. */
export async function runStage(stage: Stage, environment: StageEnvironment): Promise<RunningStage> {
  const { config, clock, connection, log: parentLog } = environment
  const log = parentLog.child({ stage: stage.name })
  // A sink keeps each record until its row is stored; the others keep parts of values for longer than the record.
  const codec = await openCodec(connectRegistry(config.registryUrl), topicsOf(stage), { slices: stage.kind === 'sink' })
  const outbox = new KafkaOutbox(connection.kafka, clock, log)
  const loop = await openLoop(stage, { ...environment, log, codec, outbox, stats: emptyStats() })
  await loop.start()
  return {
    name: stage.name,
    stats: loop.stats,
    ended: loop.ended,
    stop: async () => {
      await loop.stop()
      await outbox.close()
    },
  }
}

interface Parts extends StageEnvironment { codec: Codec; outbox: Outbox; stats: StageStats }
interface Loop { start(): Promise<void>; stop(): Promise<void>; readonly ended: Promise<void>; readonly stats: StageStats }

function openLoop(stage: Stage, parts: Parts): Promise<Loop> {
  switch (stage.kind) {
    case 'processor': return openStateless(stage, parts)
    case 'stateful': return openStateful(stage, parts)
    case 'sink': return openSink(stage, parts)
  }
}

async function openStateless(processor: Processor, parts: Parts): Promise<Loop> {
  const { codec, outbox, clock, log, stats, at, tracing = passTraceOn } = parts
  const services = await parts.services.openAll(processor.uses)
  const attempt = openHandler({ processor, services, clock, log })
  const breaker = new Breaker(processor.name)
  const loop = new StageLoop({
    processor, clock, log, stats, at,
    source: sourceFor(processor, [processor.reads.name], parts),
    work: (halt) => new RecordWork({ processor, codec, outbox, clock, log, tracing, stats, breaker, attempt, halt, at }),
  })
  return withStats(loop, stats)
}

async function openStateful(processor: StatefulProcessor, parts: Parts): Promise<Loop> {
  const { codec, clock, log, stats, at, connection, config, tracing = passTraceOn } = parts
  const services = await parts.services.openAll(processor.uses)
  const settings = { groupId: groupOf(config, processor), changelog: processor.state.changelog.name }
  const loop = new StatefulLoop({
    processor, codec, services, clock, log, tracing, stats, at,
    source: sourceFor(processor, [processor.reads.name], parts),
    broker: new KafkaTaskBroker(connection, settings, clock, log),
    snapshots: new Snapshots({
      dir: config.stateDir, everyOffsets: config.snapshotOffsets, groupId: settings.groupId, processor, clock, log,
      changelogId: () => topicId(config.kafkaBrokers, settings.changelog),
    }),
  })
  return withStats(loop, stats)
}

async function openSink(sink: Sink, parts: Parts): Promise<Loop> {
  return openSinkLoop({ sink, parts, source: (topics) => sourceFor(sink, topics, parts), store: await parts.services.open(sink.store) })
}

function sourceFor(stage: Stage, topics: string[], { connection, config, log }: Parts): KafkaSource {
  return new KafkaSource(connection, { groupId: groupOf(config, stage), topics, sessionTimeoutMs: config.sessionTimeoutMs }, log)
}

function withStats(loop: StageLoop | StatefulLoop, stats: StageStats): Loop {
  return { start: () => loop.start(), stop: () => loop.stop(), ended: loop.ended, stats }
}
