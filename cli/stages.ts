/** Several stages of one process: started together, stopped together, and as a whole halted by the first that halts. */
import { systemClock, within, type Clock } from '#runtime/clock.ts'
import type { Config } from '#runtime/config.ts'
import type { Stage, Topology } from '#runtime/define/topology.ts'
import { Halt, reasonOf } from '#runtime/errors.ts'
import { armFailpoints, type Failpoint } from '#runtime/failpoints.ts'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { checkBeforeStart } from '#runtime/kafka/start-checks.ts'
import type { Log } from '#runtime/log.ts'
import type { StageStats } from '#runtime/loop/stage-stats.ts'
import { runStage, ServicePool, type RunningStage } from '#runtime/run-stage.ts'
import type { Telemetry } from '#runtime/telemetry/otel.ts'

export type StageState = 'starting' | 'running' | 'halted' | 'stopped'

export interface StagesReport {
  /** ok: every stage runs. */
  status: 'ok' | 'starting' | 'stopping' | 'halted'
  upSeconds: number
  stages: Record<string, { state: StageState } & Partial<StageStats>>
}

export interface Stages {
  /** Rejects when a stage cannot be started. */
  started: Promise<void>
  /** Resolves after `stop`; rejects with what halted a stage. */
  ended: Promise<void>
  /** Lets what runs end, commits it, and leaves the groups. Idempotent. */
  stop(): Promise<void>
  report(): StagesReport
}

/** After this what still runs is left behind: its records are not committed, so they are processed again (I1). */
const STOP_DEADLINE_MS = 30_000

interface Environment { config: Config; topology: Topology; log: Log; clock?: Clock }

export function startStages(stages: readonly Stage[], environment: Environment): Stages {
  return new StageGroup(stages, environment)
}

class StageGroup implements Stages {
  readonly started: Promise<void>
  readonly ended: Promise<void>
  readonly #names: string[]
  readonly #environment: Environment & { clock: Clock }
  readonly #running = new Map<string, RunningStage>()
  readonly #halted = new Set<string>()
  readonly #end = Promise.withResolvers<void>()
  readonly #beganMs: number
  readonly #at: Failpoint | undefined
  #connection: KafkaConnection | undefined
  #services: ServicePool | undefined
  #telemetry: Telemetry | undefined
  #stopping: Promise<void> | undefined

  constructor(stages: readonly Stage[], environment: Environment) {
    this.#environment = { clock: systemClock, ...environment }
    this.#names = stages.map(({ name }) => name)
    this.#at = armFailpoints(environment.config.failpoints)
    this.#beganMs = this.#environment.clock.monotonicMs()
    this.ended = this.#end.promise
    this.ended.catch(() => {}) // told to whoever waits for it, and by the log
    this.started = this.#start(stages)
    this.started.catch((error: unknown) => this.#end.reject(error))
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  report(): StagesReport {
    const stages = this.#names.map((name) => [name, { state: this.#stateOf(name), ...this.#running.get(name)?.stats }] as const)
    return { status: this.#status(), upSeconds: Math.round((this.#environment.clock.monotonicMs() - this.#beganMs) / 1000), stages: Object.fromEntries(stages) }
  }

  #stateOf(name: string): StageState {
    if (this.#halted.has(name)) return 'halted'
    if (this.#stopping) return 'stopped'
    return this.#running.has(name) ? 'running' : 'starting'
  }

  #status(): StagesReport['status'] {
    if (this.#halted.size > 0) return 'halted'
    if (this.#stopping) return 'stopping'
    return this.#running.size === this.#names.length ? 'ok' : 'starting'
  }

  async #start(stages: readonly Stage[]): Promise<void> {
    const { config, topology, log, clock } = this.#environment
    this.#connection = await connectKafka({ brokers: config.kafkaBrokers, clientId: config.app }, log)
    this.#services = new ServicePool({ config, clock, log, at: this.#at })
    this.#telemetry = await openTelemetry(config, clock)
    await checkBeforeStart(stages, { connection: this.#connection, topology, replicationFactor: config.replicationFactor, log })
    await Promise.all(stages.map((stage) => this.#startOne(stage, this.#connection!, this.#services!)))
  }

  async #startOne(stage: Stage, connection: KafkaConnection, services: ServicePool): Promise<void> {
    const running = await runStage(stage, { ...this.#environment, connection, services, at: this.#at, ...(this.#telemetry ? { tracing: this.#telemetry.tracing } : {}) })
    this.#running.set(stage.name, running)
    running.ended.catch((error: unknown) => this.#halt(stage.name, error))
  }

  #halt(name: string, error: unknown): void {
    this.#halted.add(name)
    this.#environment.log.error({ stage: name, code: error instanceof Halt ? error.code : undefined, reason: reasonOf(error) }, 'the stage halted')
    this.#end.reject(error)
  }

  async #stop(): Promise<void> {
    const { clock, log } = this.#environment
    await within(clock, STOP_DEADLINE_MS, this.#stopAll(), () => log.warn({ seconds: STOP_DEADLINE_MS / 1000 }, 'stages did not end in time'))
    this.#end.resolve()
  }

  /** Stages that are still starting are waited for: they would otherwise start after the end. */
  async #stopAll(): Promise<void> {
    await this.started.catch(() => {})
    await Promise.allSettled([...this.#running.values()].map((stage) => stage.stop()))
    await this.#services?.closeAll().catch((error: unknown) => this.#environment.log.debug({ reason: reasonOf(error) }, 'a service did not close'))
    await this.#telemetry?.stop()
    await this.#connection?.close()
  }
}

/** Loaded only when there is a collector: the SDK takes longer to load than all else. */
async function openTelemetry({ app, otlpEndpoint: endpoint }: Config, clock: Clock): Promise<Telemetry | undefined> {
  if (endpoint === '') return undefined
  const { startTelemetry } = await import('#runtime/telemetry/otel.ts')
  return startTelemetry({ endpoint, serviceName: app, clock })
}
