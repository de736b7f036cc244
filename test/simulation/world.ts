/** Everything that one seed makes: servers, network, processes, and those who look on. */
import type { Failpoint, FailpointName } from '#runtime/failpoints.ts'
import { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import { Broker } from './broker/broker.ts'
import { CheckerService } from './checker-service.ts'
import { Coverage } from './coverage.ts'
import { Database } from './database.ts'
import { Host } from './host.ts'
import { Network, type Server } from './network.ts'
import { Witness } from './oracle/witness.ts'
import { drawParameters, type Parameters } from './parameters.ts'
import { openReader, type Read, type ReaderName } from './ports/reader.ts'
import { Random } from './random.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import { strike } from './strikes.ts'
import { Trace } from './trace.ts'
import { Violations } from './violations.ts'
import { definePipeline, type Pipeline } from './workload/topology.ts'

export type StageName = 'check' | 'first' | 'keep'

/** Virtual time begins here: late enough for a clock that is off to be valid. */
const START_MS = 1_000_000

export class World {
  readonly random: Random
  readonly clock: VirtualClock
  readonly trace: Trace
  readonly coverage = new Coverage()
  readonly violations: Violations
  readonly parameters: Parameters
  readonly pipeline: Pipeline
  readonly network: Network
  readonly broker: Broker
  readonly database: Database
  readonly registry: Server = { name: 'registry', isDown: false }
  readonly checker: CheckerService
  readonly witness: Witness
  readonly hosts: Host[]
  readonly read: Read
  readonly #strikeRandom: Random
  strikesLeft: number

  constructor(seed: number, reader: ReaderName, echo?: (line: string) => void) {
    this.random = new Random(seed)
    this.parameters = drawParameters(this.random.fork())
    this.clock = new VirtualClock(START_MS)
    this.trace = new Trace(() => this.clock.now() - START_MS, echo)
    this.violations = new Violations(({ invariant, detail }) => this.trace.note(`VIOLATION ${invariant}: ${detail}`))
    this.pipeline = definePipeline(this.parameters.partitions, this.parameters.commit, (id) => this.violations.add('state-differs', `${id} was applied twice to one state`))
    this.read = openReader(reader, this.violations)
    const parts = { clock: this.clock, trace: this.trace, coverage: this.coverage }
    this.witness = new Witness({ broker: () => this.broker, violations: this.violations, rowExists: (id) => this.database.rows.has(id) })
    this.network = new Network({ ...parts, random: this.random.fork() })
    this.broker = new Broker({ ...parts, random: this.random.fork() })
    this.database = new Database({ ...parts, witness: this.witness })
    this.checker = new CheckerService(this.random.fork())
    this.#strikeRandom = this.random.fork()
    this.strikesLeft = this.parameters.mostStrikes
    this.network.distanceMs = this.parameters.distanceMs
    this.broker.transactions.slowestMarkerMs = this.parameters.slowestMarkerMs
    this.#createTopics()
    this.hosts = this.parameters.layout.map((stages, n) => new Host(this, `p${n}`, stages))
  }

  /** Milliseconds since the run began. */
  get elapsedMs(): number {
    return this.clock.now() - START_MS
  }

  /** The failpoints of a process: as they are passed, the seed decides whether something strikes. */
  failpointOf(host: Host, process: SimulatedProcess): Failpoint {
    const { strikes } = this.parameters
    return (name: FailpointName) => {
      if (process.isDead) return new Promise(() => {})
      if (this.strikesLeft <= 0 || !this.#strikeRandom.chance(strikes.get(name)!)) return undefined
      this.strikesLeft -= 1
      return strike(name, { world: this, host, process, random: this.#strikeRandom })
    }
  }

  #createTopics(): void {
    const { check, first, keep } = this.pipeline
    for (const topic of Object.values(this.pipeline.topics)) this.broker.createTopic(topic.name, topic.partitions)
    for (const { name } of [check, first, keep]) this.broker.createTopic(`${name}.dead`, 1)
    this.broker.createGroup('check', [check.reads.name], (position, previous) => this.witness.checkCommitting(position, previous))
    this.broker.createGroup('first', [first.reads.name], (position, previous, by) => this.witness.firstCommitting(position, previous, by))
    this.broker.createGroup('keep', [keep.reads.name, 'check.dead', 'first.dead'], (position, previous) => this.witness.keepCommitting(position, previous))
  }
}
