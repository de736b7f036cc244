/** The runtime itself, in a process of its own: `runStage` as `sluice run` calls it, with a stage that does nothing. */
import { defineProcessor, defineStateful, type State } from '#runtime/api.ts'
import { systemClock } from '#runtime/clock.ts'
import { loadConfig } from '#runtime/config.ts'
import { defineTopology, type Stage } from '#runtime/define/topology.ts'
import type { FailpointName } from '#runtime/failpoints.ts'
import { connectKafka } from '#runtime/kafka/client.ts'
import { createLog } from '#runtime/log.ts'
import { runStage, ServicePool, type RunningStage } from '#runtime/run-stage.ts'
import { Stretch, report, specOf, untilStopped } from './child-side.ts'
import { numberOf, parcelTopic, type Parcel } from './parcels.ts'

export interface StageSpec {
  kind: 'stateless' | 'stateful'
  brokers: string
  registryUrl: string
  app: string
  reads: string
  writes: string
  partitions: number
  /** Records to be measured; none when absent: it then runs until it is told to stop. */
  count?: number
  /** Topic of a stateful stage's entries. */
  changelog?: string
}

/** The restore of a stateful stage: entries applied, and how long reading them took. */
export interface Restore { entries: number; different: number; seconds: number; cpuSeconds: number }

/** Often enough to see the end of a measurement within a few thousandths of it. */
const LOOK_MS = 5

const spec = specOf<StageSpec>()

const MAX_PARCELS = 1 << 22

/** Knows which parcels it has seen; costs next to nothing, since not the state is measured. */
class Seen implements State<Parcel> {
  readonly #known = new Uint8Array(MAX_PARCELS)
  entries = 0
  different = 0

  apply({ id }: Parcel): void {
    const n = numberOf(id)
    this.entries += 1
    if (this.#known[n] === 0) this.different += 1
    this.#known[n] = 1
  }
}

const seen = new Seen()

function stageOf({ kind, reads, writes, partitions, changelog }: StageSpec): Stage {
  const source = parcelTopic(reads, partitions)
  const target = reads === writes ? source : parcelTopic(writes, partitions)
  if (kind === 'stateless') return defineProcessor({ name: 'pass', version: 1, reads: source, writes: [target], handle: (parcel) => [target(parcel)] })
  const entries = parcelTopic(changelog!, partitions, 'compact')
  return defineStateful({
    name: 'pass', version: 1, reads: source, writes: [target], state: { changelog: entries, open: () => seen }, batch: { maxRecords: 1_000, maxWaitMs: 20 },
    decide: (parcel) => ({ write: [target(parcel)], remember: [{ id: parcel.id, text: '' }] }),
  })
}

/** Measures step 4 of the take-over, which stands between two named points of it. */
function watchRestore(): (name: FailpointName) => undefined {
  let startedMs = 0
  let cpu = process.cpuUsage()
  return (name) => {
    if (name === 'after-position') {
      startedMs = performance.now()
      cpu = process.cpuUsage()
    }
    if (name === 'after-restore') {
      const { user, system } = process.cpuUsage(cpu)
      report('restore', { entries: seen.entries, different: seen.different, seconds: (performance.now() - startedMs) / 1000, cpuSeconds: (user + system) / 1e6 })
    }
  }
}

function measure(stage: RunningStage, count: number): void {
  const stretch = new Stretch(count)
  const timer = setInterval(() => {
    if (!stretch.reached(stage.stats.written)) return
    clearInterval(timer)
    report('cost', stretch.cost())
  }, LOOK_MS)
}

const config = loadConfig({ KAFKA_BROKERS: spec.brokers, SCHEMA_REGISTRY_URL: spec.registryUrl, SLUICE_APP: spec.app })
const log = createLog('bench', 'error')
const connection = await connectKafka({ brokers: config.kafkaBrokers, clientId: config.app }, log)
const stage = await runStage(stageOf(spec), {
  config, connection, log, clock: systemClock,
  // Only sinks look at it.
  topology: defineTopology({ enters: [], stages: [], leaves: [] }),
  services: new ServicePool({ config, clock: systemClock, log }),
  ...(spec.kind === 'stateful' && spec.count === undefined ? { at: watchRestore() } : {}),
})
if (spec.count !== undefined) measure(stage, spec.count)
const timer = setInterval(() => report('progress', { written: stage.stats.written, dead: stage.stats.dead }), 1_000)

await untilStopped()
clearInterval(timer)
await stage.stop()
await connection.close()
if (process.connected) process.disconnect()
