/** What a seed decides about its world. */
import type { CommitPolicy } from '#runtime/define/sink.ts'
import { FAILPOINTS, type FailpointName } from '#runtime/failpoints.ts'
import { CALM, type Torments, type Weather } from './network.ts'
import type { Random } from './random.ts'
import type { StageName } from './world.ts'
import type { EventPlan } from './workload/events.ts'
import type { Partitions } from './workload/topology.ts'

export interface Parameters {
  partitions: Partitions
  /** Stages of each process. */
  layout: StageName[][]
  events: EventPlan
  /** Length of the first phase, in which faults strike. */
  faultMs: number
  /** Mean time from one fault to the next. */
  faultEveryMs: number
  weather: Weather
  /** Requests that fare worse than others. */
  torments: Torments
  distanceMs: number
  slowestMarkerMs: number
  /** Wall clocks of processes are off by up to this much. */
  skewMs: number
  evolvedOutputs: boolean
  /** Offsets of the changelog between snapshots; without it there are none. */
  snapshotEvery: number | undefined
  /** Chance of a strike at each pass of a failpoint. */
  strikes: Map<FailpointName, number>
  /** Strikes at failpoints in all. */
  mostStrikes: number
  /** When the sink commits. */
  commit: CommitPolicy
}

const LAYOUTS: StageName[][][] = [
  [['check', 'first', 'keep'], ['check', 'first', 'keep']],
  [['check'], ['check'], ['first'], ['first'], ['keep'], ['keep']],
  [['check', 'keep'], ['check', 'keep'], ['first'], ['first']],
  [['check'], ['check'], ['first', 'keep'], ['first', 'keep']],
]

export function drawParameters(random: Random): Parameters {
  const faultMs = random.between(25, 60) * 1_000
  const count = random.between(30, random.chance(0.3) ? 200 : 90)
  return {
    partitions: { made: random.between(2, 3), checked: random.between(2, 3), judged: random.between(1, 2) },
    layout: random.pick(LAYOUTS),
    events: { count, untilMs: faultMs, poison: random.pick([0, 0.03, 0.08]), twice: random.pick([0, 0.05, 0.2]), evolved: random.pick([0, 0.2]) },
    faultMs,
    faultEveryMs: random.pick([1_500, 4_000, 10_000]),
    weather: random.pick([CALM, MILD, MILD, ROUGH]),
    torments: drawTorments(random),
    distanceMs: random.pick([2, 10, 40]),
    slowestMarkerMs: random.pick([5, 100, 3_000]),
    skewMs: random.pick([0, 300_000]),
    evolvedOutputs: random.chance(0.2),
    snapshotEvery: random.pick([undefined, 3, 15]),
    strikes: drawStrikes(random),
    mostStrikes: random.between(2, 14),
    commit: random.pick([EAGER, STEADY, RELUCTANT]),
  }
}

/** A commit for almost every row; some when nothing comes for a moment; full ones or old ones only. */
const EAGER: CommitPolicy = { minRows: 1, maxRows: 4, maxBytes: 1 << 20, maxAgeMs: 30, lullMs: 2 }
const STEADY: CommitPolicy = { minRows: 2, maxRows: 12, maxBytes: 1 << 20, maxAgeMs: 200, lullMs: 20 }
const RELUCTANT: CommitPolicy = { minRows: 30, maxRows: 30, maxBytes: 12_000, maxAgeMs: 2_000, lullMs: 500 }

const MILD: Weather = { loseRequest: 0.005, loseReply: 0.01, delayRequest: 0.003, slow: 0.05 }
const ROUGH: Weather = { loseRequest: 0.03, loseReply: 0.03, delayRequest: 0.02, slow: 0.2 }

const TORMENTED = ['produce', 'end-transaction', 'transaction-offsets', 'init-producer', 'produce-in-transaction', 'sql.commit', 'sql', 'offset-commit', 'offset-fetch', 'heartbeat', 'join', 'fetch']

function drawTorments(random: Random): Torments {
  const names = random.shuffle(TORMENTED).slice(0, random.below(3))
  return new Map(names.map((name) => [name, random.pick<Weather>([
    { loseRequest: 0.15, loseReply: 0, delayRequest: 0, slow: 0 }, { loseRequest: 0, loseReply: 0.2, delayRequest: 0, slow: 0 },
    { loseRequest: 0, loseReply: 0, delayRequest: 0.15, slow: 0 }, { loseRequest: 0.05, loseReply: 0.05, delayRequest: 0.05, slow: 0.3 },
  ])]))
}

/** A few points often, the others now and then: so that rare ones are reached, and several strike in one run. */
function drawStrikes(random: Random): Parameters['strikes'] {
  const favourites = new Set(random.shuffle(FAILPOINTS).slice(0, random.between(1, 6)))
  return new Map(FAILPOINTS.map((name) => [name, favourites.has(name) ? random.pick([0.03, 0.15, 0.5]) : 0.003]))
}
