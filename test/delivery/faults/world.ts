/** One round's world: its topics, database, processes and truth, and what faults may do to it. */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { committedPositions, endOffsets } from '#runtime/kafka/offsets.ts'
import { onServer } from '#test/support/database.ts'
import { through, type Arena, type Ways } from './arena.ts'
import type { Broken, RoundNeeds, Row } from './fault.ts'
import { Flow } from './flow.ts'
import { seeded, type Random } from './random.ts'
import { Samples } from './samples.ts'
import { makeSetting, type Setting } from './setting.ts'
import { Slot } from './slot.ts'
import type { Ended, StageProcess } from './stage-process.ts'
import { STAGES, type StageName, type Workload } from './workload/topology.ts'

const APP = 'faults'
const PROCESSES_PER_STAGE = 2
export const SESSION_MS = 6_000
/** A snapshot every few seconds, so that faults find snapshots of every age. */
const SNAPSHOT_OFFSETS = 100

/** Parts of the stack, and the codes by which a process says at its start that it cannot reach them. */
const AWAY_CODES = new Set(['kafka.unreachable', 'registry.unreachable', 'postgres.away'])
/** After a part came back, a process may still find it away for so long. */
const AWAY_GRACE_MS = 20_000

export interface Strike {
  row: Row
  /** The stage that was hit; absent when all were. */
  stage?: StageName
  detail: string
  /** How many times it struck at once; 1 when absent. */
  count?: number
  atMs: number
  /** When what lasted was over. */
  healedMs?: number
}

export interface WorldOptions extends RoundNeeds {
  seed: string
  say?: (line: string) => void
}

export class World {
  readonly arena: Arena
  readonly needs: RoundNeeds
  readonly load: Workload
  readonly databaseUrl: string
  readonly flow: Flow
  readonly samples: Samples
  readonly slots: Slot[]
  readonly strikes: Strike[] = []
  readonly broken: Broken[] = []
  /** Codes of halts that are right in this round. */
  readonly expectedHalts = new Set<string>()
  /** When set, every strike is told as one of this row. */
  rowOfAll: Row | undefined
  /** Processes killed while faults were on. */
  kills = 0
  readonly #setting: Setting
  readonly #seed: string
  readonly #randoms = new Map<string, Random>()
  readonly #say: (line: string) => void
  readonly #over = new AbortController()
  #awayUntilMs = 0

  private constructor(arena: Arena, options: WorldOptions, setting: Setting, flow: Flow, ways: Map<string, Ways>) {
    this.arena = arena
    this.needs = options
    this.#seed = options.seed
    this.#say = options.say ?? (() => {})
    this.#setting = setting
    this.load = setting.load
    this.databaseUrl = setting.databaseUrl
    this.flow = flow
    this.samples = new Samples(arena.connection, watched(setting.load))
    this.slots = [...ways].map(([name, own]) => this.#slot(name, own))
  }

  static async open(arena: Arena, options: WorldOptions): Promise<World> {
    const names = range(PROCESSES_PER_STAGE + 1).flatMap((index) => STAGES.map((stage) => `${stage}-${index}`))
    const ways = new Map(await Promise.all(names.map(async (name) => [name, await arena.waysOf(name)] as const)))
    const setting = await makeSetting(arena, options.seed, options)
    return new World(arena, options, setting, await Flow.open(arena, setting, options.seed, options), ways)
  }

  /** Aborted when the time for faults is over. */
  get faultsOver(): AbortSignal {
    return this.#over.signal
  }

  endFaults(): void {
    this.#over.abort()
  }

  groupOf(stage: StageName): string {
    return `${APP}.${this.load.stages[stage]}`
  }

  /** The regular processes, two of each stage. */
  get crew(): Slot[] {
    return this.slots.filter(({ index }) => index < PROCESSES_PER_STAGE)
  }

  /** A third process for a stage, empty unless a fault fills it. */
  spare(stage: StageName): Slot {
    return this.slots.find((slot) => slot.stage === stage && slot.index === PROCESSES_PER_STAGE)!
  }

  crewOf(stage: StageName): Slot[] {
    return this.crew.filter((slot) => slot.stage === stage)
  }

  /** Of those who choose side by side each has its own, so that the choices do not depend on who comes first. */
  randomOf(chooser: string): Random {
    const random = this.#randoms.get(chooser) ?? seeded(`${this.#seed} ${chooser}`)
    this.#randoms.set(chooser, random)
    return random
  }

  say(line: string): void {
    this.#say(line)
  }

  strike(strike: Omit<Strike, 'atMs'> & { atMs?: number }): Strike {
    const full = { atMs: Date.now(), ...strike, row: this.rowOfAll ?? strike.row }
    this.strikes.push(full)
    this.say(`${full.row} ${full.stage ?? ''} ${full.detail}`)
    return full
  }

  /** A part of the stack is out of reach, for somebody, until `endOutage`. */
  beginOutage(): void {
    this.#awayUntilMs = Infinity
  }

  endOutage(): void {
    this.#awayUntilMs = Date.now() + AWAY_GRACE_MS
  }

  /** Ends early, without an error, when the time for faults is over. */
  async sleep(ms: number): Promise<void> {
    await wait(ms, undefined, { signal: this.faultsOver }).catch(() => undefined)
  }

  startCrew(): void {
    for (const slot of this.crew) slot.start()
  }

  /** Of this round's database, on a connection that goes round the proxies. */
  async query<R extends object>(text: string): Promise<R[]> {
    return onServer<R>(this.databaseUrl, text)
  }

  /** All is healed, no failpoint is armed, and every regular process runs. */
  async calm(): Promise<void> {
    await this.arena.healNetwork()
    for (const slot of this.slots) slot.arm = () => undefined
    for (const slot of this.slots) slot.signal('SIGCONT')
    await Promise.all(this.slots.filter(({ index }) => index >= PROCESSES_PER_STAGE).map((slot) => slot.retire()))
    // Those that are still armed are replaced too: a failpoint that strikes later would not be a fault's any more.
    for (const slot of this.crew) if (slot.isArmed || !slot.process?.isAlive) await this.#replace(slot)
  }

  /** The last lines of every process's log. */
  tails(): string {
    return this.crew.map((slot) => `  ${slot.name}${slot.isRunning ? '' : ' (does not run)'}\n${tailOf(slot.process)}`).join('\n')
  }

  /** Every process ended in order. Resolves with those that did not. */
  async stopCrew(): Promise<Broken[]> {
    const ended = await Promise.all(this.slots.map(async (slot) => ({ slot, ended: await slot.retire() })))
    return ended.flatMap(({ slot, ended: how }) =>
      how === undefined || how.code === 0 ? [] : [{ invariant: 'unclean-stop', detail: `${slot.name} ended with ${how.code ?? how.signal} when it was asked to stop:\n${tailOf(slot.process)}` }])
  }

  /** What is not done yet; empty when every event is a row or a failure and all offsets are committed. */
  async unfinished(): Promise<string> {
    const [counts] = await this.query<{ rows: number; failures: number }>('select (select count(*) from kept)::int as rows, (select count(*) from asset_failure)::int as failures')
    const { rows, failures } = counts!
    if (rows + failures < this.flow.produced.length) return `${rows} rows and ${failures} failures of ${this.flow.produced.length} events`
    const lags = await Promise.all((['check', 'first'] as const).map((stage) => this.#lagOf(stage)))
    return lags.filter((lag) => lag !== '').join('; ')
  }

  /** What the sink has announced, as its group's offsets tell. */
  async sinkPositions(): Promise<string> {
    const topic = this.load.topics.judged
    const ids = range(topic.partitions).map((partition) => ({ topic: topic.name, partition }))
    const positions = await committedPositions(this.arena.connection.admin, this.groupOf('keep'), ids)
    return positions.map(({ partition, offset }) => `${partition}:${offset}`).sort().join(' ')
  }

  async close(): Promise<void> {
    this.endFaults()
    await Promise.all(this.slots.map((slot) => slot.empty()))
    await Promise.all([this.flow.close(), this.samples.stop()])
    await this.#setting.remove()
  }

  async #replace(slot: Slot): Promise<void> {
    await slot.empty()
    slot.start()
  }

  async #lagOf(stage: 'check' | 'first'): Promise<string> {
    const { admin } = this.arena.connection
    const topic = stage === 'check' ? this.load.topics.made : this.load.topics.checked
    const ids = range(topic.partitions).map((partition) => ({ topic: topic.name, partition }))
    const [committed, ends] = [await committedPositions(admin, this.groupOf(stage), ids), await endOffsets(admin, ids)]
    const behind = ids.flatMap((id) => {
      const end = ends.get(`${id.topic}/${id.partition}`) ?? 0
      const at = committed.find(({ partition }) => partition === id.partition)?.offset ?? 0
      return at < end ? [`${stage} stands at ${at} of ${end} in ${id.topic}/${id.partition}`] : []
    })
    return behind.join('; ')
  }

  #slot(name: string, ways: Ways): Slot {
    const [stage, index] = name.split('-') as [StageName, string]
    return new Slot({
      stage, index: Number(index), ways,
      env: (own) => this.#env(own, Number(index)),
      ended: (slot, process, ended) => this.#judgeEnd(slot, process, ended),
      struck: (slot, row, { name: point, nth, action }) => void this.strike({ row, stage: slot.stage, detail: `${slot.name} ${point}:${nth}:${action}` }),
    })
  }

  #env({ kafka, postgres }: Ways, index: number): Record<string, string> {
    return {
      KAFKA_BROKERS: `127.0.0.1:${kafka.port}`, DATABASE_URL: through(this.databaseUrl, postgres),
      SCHEMA_REGISTRY_URL: through(this.arena.stack.registryUrl, this.arena.registryProxy),
      SLUICE_APP: APP, FAULTS_PREFIX: this.#setting.prefix, SLUICE_SESSION_TIMEOUT_MS: String(this.needs.sessionMs ?? SESSION_MS), SLUICE_LOG_LEVEL: 'warn',
      SLUICE_STATE: join(this.arena.dir, 'state', this.#setting.prefix), SLUICE_SNAPSHOT_OFFSETS: String(SNAPSHOT_OFFSETS), FAULTS_CLOCK_SKEW_MS: String(index * (this.needs.clockSkewMs ?? 0)),
    }
  }

  /** A process that ends by itself is a defect, unless the fault explains it. */
  #judgeEnd(slot: Slot, process: StageProcess, { code, signal, halted }: Ended): void {
    if (signal === 'SIGKILL' && !this.faultsOver.aborted) this.kills += 1
    if (signal === 'SIGKILL' || (code === 0 && !slot.isKept)) return
    if (halted && this.expectedHalts.has(halted.code)) return
    if (halted && !process.hasStarted && AWAY_CODES.has(halted.code) && Date.now() < this.#awayUntilMs) return
    if (!slot.isKept && halted === undefined) return // asked to stop; `stopCrew` looks at how it went
    const how = halted ? `halted with ${halted.code}: ${halted.reason}` : `ended with ${code ?? signal}`
    this.broken.push({ invariant: halted ? 'unexpected-halt' : 'unexpected-end', detail: `${slot.name} ${how}\n${tailOf(process)}` })
    this.say(`${slot.name} ${how}`)
  }
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}

function tailOf(process: StageProcess | undefined): string {
  return (process?.tail ?? []).slice(-12).map((line) => `    ${line.slice(0, 400)}`).join('\n')
}

function watched({ topics, stages }: Workload) {
  const reads = { check: topics.made, first: topics.checked, keep: topics.judged }
  return STAGES.map((stage) => ({ stage, group: `${APP}.${stages[stage]}`, topic: reads[stage].name, partitions: reads[stage].partitions }))
}
