/** The state of each stage, from two looks at Kafka. */
import type { Clock } from '#runtime/clock.ts'
import type { Config } from '#runtime/config.ts'
import type { Stage, Topology } from '#runtime/define/topology.ts'
import { endOffsets, earliestOffsets } from '#runtime/kafka/offsets.ts'
import { nextRecordTimes, partitionLags, type PartitionLag } from '#runtime/kafka/stage-lag.ts'
import type { KafkaConnection } from '#runtime/kafka/client.ts'
import { deadLetterTopic } from '#runtime/loop/dead-letter.ts'
import { groupOf } from '#runtime/run-stage.ts'

export type StateWord = 'OK' | 'BEHIND' | 'STALLED' | 'STOPPED'

export interface StageStatus {
  stage: string
  state: StateWord
  lagRecords: number
  /** Age of the next unprocessed record; 0 when there is none. */
  lagSeconds: number
  perSecond: number
  /** Dead letters that the topic still holds. */
  dead: number
  members: number
}

/** Below it a stage is as good as up to date. */
const BEHIND_SECONDS = 10
/** A stage that did nothing for one look may be busy with one large file. */
const STALLED_SECONDS = 60
const READ_NEXT_MS = 1_500

export interface Look {
  atMs: number
  lags: Map<string, PartitionLag[]>
}

interface Surroundings { connection: KafkaConnection; config: Config; topology: Topology; clock: Clock }

/** Positions of every stage's group at one time. */
export async function look(stages: readonly Stage[], { connection, config, topology, clock }: Surroundings): Promise<Look> {
  const atMs = clock.now()
  const lags = await Promise.all(stages.map(async (stage) => [stage.name, await partitionLags(connection, groupOf(config, stage), topicsReadBy(stage, topology))] as const))
  return { atMs, lags: new Map(lags) }
}

/** What the stages do between an earlier look and a later one. */
export async function statusBetween(earlier: Look, later: Look, stages: readonly Stage[], surroundings: Surroundings): Promise<StageStatus[]> {
  const { connection, config } = surroundings
  const behind = [...later.lags.values()].flat().filter(({ next, end }) => end > next)
  const groups = stages.map((stage) => groupOf(config, stage))
  const [times, described, dead] = await Promise.all([
    timesOfNext(connection, behind), connection.admin.describeGroups(groups), Promise.all(stages.map((stage) => countDead(connection, stage))),
  ])
  const members = new Map(described.groups.map((group) => [group.groupId, group.members.length]))
  return stages.map((stage, index) => {
    const lags = later.lags.get(stage.name) ?? []
    const oldestMs = Math.min(...lags.map(({ topic, partition, next }) => times.get(`${topic}/${partition}@${next}`) ?? Infinity))
    const figures = {
      lagRecords: lags.reduce((sum, { topic, partition, next, end }) => sum + (times.has(`${topic}/${partition}@${next}`) ? end - next : 0), 0),
      lagSeconds: oldestMs === Infinity ? 0 : Math.max(0, (later.atMs - oldestMs) / 1000),
      perSecond: progress(earlier.lags.get(stage.name) ?? [], lags) / Math.max(0.001, (later.atMs - earlier.atMs) / 1000),
      members: members.get(groupOf(config, stage)) ?? 0,
    }
    return { stage: stage.name, state: stateOf(figures), ...figures, dead: dead[index] ?? 0 }
  })
}

export function stateOf({ members, lagRecords, lagSeconds, perSecond }: Pick<StageStatus, 'members' | 'lagRecords' | 'lagSeconds' | 'perSecond'>): StateWord {
  if (members === 0) return 'STOPPED'
  if (lagRecords === 0 || lagSeconds < BEHIND_SECONDS) return 'OK'
  return perSecond === 0 && lagSeconds >= STALLED_SECONDS ? 'STALLED' : 'BEHIND'
}

/** A sink that records dead letters reads every other stage's as well. */
function topicsReadBy(stage: Stage, topology: Topology): string[] {
  if (stage.kind !== 'sink' || !stage.recordsDeadLetters) return [stage.reads.name]
  return [stage.reads.name, ...topology.stages.filter((other) => other !== stage).map(({ name }) => deadLetterTopic(name))]
}

/** Two stages may stand at different places of one partition, so the place is part of the key. */
async function timesOfNext(connection: KafkaConnection, behind: PartitionLag[]): Promise<Map<string, number>> {
  const rounds = new Map<string, PartitionLag[]>()
  for (const lag of behind) {
    const key = `${lag.topic}/${lag.partition}`
    rounds.set(key, [...(rounds.get(key) ?? []), lag])
  }
  const times = new Map<string, number>()
  for (let round = 0; [...rounds.values()].some((lags) => lags.length > round); round++) {
    const lags = [...rounds.values()].flatMap((all) => all[round] ?? [])
    for (const [key, time] of await nextRecordTimes(connection, lags, READ_NEXT_MS)) {
      times.set(`${key}@${lags.find(({ topic, partition }) => `${topic}/${partition}` === key)!.next}`, time)
    }
  }
  return times
}

async function countDead({ admin }: KafkaConnection, stage: Stage): Promise<number> {
  const ids = [{ topic: deadLetterTopic(stage.name), partition: 0 }]
  const [ends, starts] = await Promise.all([endOffsets(admin, ids), earliestOffsets(admin, ids)])
  return [...ends].reduce((sum, [key, end]) => sum + end - (starts.get(key) ?? 0), 0)
}

function progress(earlier: readonly PartitionLag[], later: readonly PartitionLag[]): number {
  const before = new Map(earlier.map(({ topic, partition, next }) => [`${topic}/${partition}`, next]))
  return later.reduce((sum, { topic, partition, next }) => sum + Math.max(0, next - (before.get(`${topic}/${partition}`) ?? next)), 0)
}
