/** A place where a process runs some of the stages; when it dies, the next one starts there. */
import type { CommitReason } from '#runtime/loop/commit-due.ts'
import { createLog, type Log } from '#runtime/log.ts'
import { Breaker } from '#runtime/loop/breaker.ts'
import { openHandler } from '#runtime/loop/handler.ts'
import { openSinkLoop } from '#runtime/loop/open-sink-loop.ts'
import { RecordWork } from '#runtime/loop/record-work.ts'
import { StageLoop } from '#runtime/loop/stage-loop.ts'
import { emptyStats } from '#runtime/loop/stage-stats.ts'
import { StatefulLoop } from '#runtime/loop/stateful-loop.ts'
import { reasonOf } from '#runtime/errors.ts'
import { passTraceOn } from '#runtime/telemetry/tracing.ts'
import { SimulatedOutbox } from './ports/simulated-outbox.ts'
import { SimulatedSinkStore } from './ports/simulated-sink-store.ts'
import { SimulatedSnapshots, type Disk } from './ports/simulated-snapshots.ts'
import { SimulatedSource } from './ports/simulated-source.ts'
import { SimulatedTaskBroker } from './ports/simulated-task-broker.ts'
import { SimulatedProcess } from './simulated-process.ts'
import type { StageName, World } from './world.ts'
import { REFUSED } from './workload/topology.ts'
import { JsonCodec } from './workload/json-codec.ts'

interface Loop { start(): Promise<void>; stop(): Promise<void>; readonly ended: Promise<void> }
interface Running { process: SimulatedProcess; loops: Loop[]; outbox: SimulatedOutbox; stores: SimulatedSinkStore[] }

const SILENT = createLog('simulation', 'silent')

/** Lookups of one schema that fail in one process, at most. */
const REGISTRY_FAILURES = 3

export class Host {
  readonly name: string
  readonly stages: StageName[]
  readonly #world: World
  readonly #disk: Disk = new Map()
  #incarnation = 0
  #running: Running | undefined

  constructor(world: World, name: string, stages: StageName[]) {
    this.#world = world
    this.name = name
    this.stages = stages
  }

  get process(): SimulatedProcess | undefined {
    return this.#running?.process
  }

  start(): void {
    if (this.#running) return
    const { clock, random, trace, parameters: { skewMs } } = this.#world
    const process = new SimulatedProcess(`${this.name}.${++this.#incarnation}`, clock, random.fork(), random.between(-skewMs, skewMs))
    trace.note(`${process.name}: starts ${this.stages.join(', ')}`)
    this.#running = this.#open(process)
    for (const loop of this.#running.loops) this.#watch(process, loop)
  }

  /** The process is gone at once; another starts after `restartMs`. */
  crash(restartMs: number): void {
    const running = this.#running
    if (!running) return
    this.#running = undefined
    this.#world.trace.note(`${running.process.name}: dies`)
    running.process.kill()
    for (const store of running.stores) store.abandon()
    this.#world.clock.after(restartMs, () => this.start())
  }

  /** As on SIGTERM. */
  async shutDown(): Promise<void> {
    const running = this.#running
    if (!running || running.process.isFrozen) return
    this.#world.trace.note(`${running.process.name}: is asked to end`)
    await Promise.all(running.loops.map((loop) => loop.stop()))
    await running.outbox.close()
    if (this.#running === running) this.crash(this.#world.random.between(1, 2_000))
  }

  #watch(process: SimulatedProcess, loop: Loop): void {
    loop.ended.catch((error: unknown) => {
      if (process.isDead) return
      this.#world.trace.note(`${process.name}: a stage has ended: ${reasonOf(error)}`)
      if (!process.wasThrownAt) this.#world.violations.add('halted', `${process.name}: ${error instanceof Error ? error.stack : String(error)}`)
      this.crash(1_000)
    })
    loop.start().catch((error: unknown) => this.#world.violations.add('halted', `${process.name} did not start: ${reasonOf(error)}`))
  }

  #open(process: SimulatedProcess): Running {
    const { network, broker, random, coverage, witness, pipeline } = this.#world
    const outbox = new SimulatedOutbox({
      process, network, broker, random: random.fork(), coverage, partly: () => network.weather.loseReply / 2, acknowledged: (records) => witness.acknowledged(records),
    })
    const running: Running = { process, loops: [], outbox, stores: [] }
    const codec = new JsonCodec(Object.values(pipeline.topics), this.#world.parameters.evolvedOutputs, this.#registry(process))
    for (const stage of this.stages) running.loops.push(this.#openStage(stage, running, codec))
    return running
  }

  #openStage(stage: StageName, { process, outbox, stores }: Running, codec: JsonCodec): Loop {
    const { pipeline, network, random, coverage, broker, checker } = this.#world
    const { clock } = process
    const at = this.#world.failpointOf(this, process)
    const log = this.#logOf(process, stage)
    const common = { codec, clock, log, at, stats: emptyStats(), tracing: passTraceOn }
    const source = this.#source(stage, process)
    switch (stage) {
      case 'check': {
        const processor = pipeline.check
        const attempt = openHandler({ processor, services: { checker: checker.for(clock) }, clock, log })
        return new StageLoop({ ...common, processor, source, work: (halt) => new RecordWork({ ...common, processor, outbox, breaker: new Breaker(stage), attempt, halt }) })
      }
      case 'first': {
        const taskBroker = new SimulatedTaskBroker({
          process, network, broker, group: broker.group(stage), changelog: pipeline.first.state.changelog.name, random: random.fork(), read: this.#world.read,
          source: () => source, committedUnheld: (id) => this.#world.violations.add('two-owners', `${process.name} commits ${id.topic}/${id.partition}, which it does not hold`),
        })
        return new StatefulLoop({ ...common, processor: pipeline.first, source, services: {}, broker: taskBroker, snapshots: this.#snapshots(process) })
      }
      case 'keep': {
        const store = new SimulatedSinkStore({ process, network, database: this.#world.database, random: random.fork(), coverage, sink: stage, isRefused: ({ weight }) => weight === REFUSED, at })
        stores.push(store)
        return openSinkLoop({
          sink: pipeline.keep, source: () => source, store,
          parts: { ...common, outbox, config: { sinkProfile: 'latency' } as never, topology: { stages: [pipeline.check, pipeline.first, pipeline.keep] } },
        })
      }
    }
  }

  #source(stage: StageName, process: SimulatedProcess): SimulatedSource {
    const { network, broker, random, coverage, read } = this.#world
    return new SimulatedSource({ process, network, broker, group: broker.group(stage), random: random.fork(), coverage, read })
  }

  #snapshots(process: SimulatedProcess): SimulatedSnapshots | undefined {
    const { parameters: { snapshotEvery }, random, coverage, violations } = this.#world
    if (snapshotEvery === undefined) return undefined
    return new SimulatedSnapshots({
      process, disk: this.#disk, random: random.fork(), coverage, everyOffsets: snapshotEvery,
      repeated: (id) => violations.add('state-differs', `${id} was twice in a snapshot`),
    })
  }

  #registry(process: SimulatedProcess): (id: number) => Promise<void> {
    const { network, registry, coverage } = this.#world
    const failures = new Map<number, number>()
    return async (id) => {
      try {
        await network.request(process, { name: 'schema', server: registry, arrive: () => undefined, timeoutMs: 1_000 })
      } catch (error) {
        const count = (failures.get(id) ?? 0) + 1
        failures.set(id, count)
        coverage.count('registry.unreachable')
        if (count <= REGISTRY_FAILURES) throw error
      }
    }
  }

  #logOf(process: SimulatedProcess, stage: StageName): Log {
    const tell = (level: string) => (fields: unknown, text?: string) => {
      if (process.isDead) return
      const { reason, err, code, ...rest } = (typeof fields === 'object' && fields !== null ? fields : {}) as Record<string, unknown>
      this.#world.trace.note(`${process.name} ${stage} ${level}: ${text ?? String(fields)} ${String(code ?? '')} ${String(reason ?? (err ? reasonOf(err) : ''))} ${JSON.stringify(rest)}`)
    }
    return Object.assign(Object.create(SILENT) as Log, { info: tell('info'), warn: tell('warn'), error: tell('error'), debug: (fields: unknown) => this.#countReason(fields) })
  }

  /** Why the sink's batches go. */
  #countReason(fields: unknown): void {
    const { because } = fields as { because?: CommitReason }
    if (because) this.#world.coverage.count(`sink.batch.${because}`)
  }
}
