/**
 * What would make stages lose records, or stop them later, told before they start: brokers that are too old for the
 * take-over protocol, topics that are missing, and topics that are no longer kept as the topology declares.
 */
import { topicsOf, type Stage, type TopicPlan, type Topology } from '../define/topology.ts'
import { Halt, reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { deadLetterTopic } from '../loop/dead-letter.ts'
import { sinkTopics } from '../loop/open-sink-loop.ts'
import { apiVersions, isKafka4 } from './api-versions.ts'
import type { KafkaConnection } from './client.ts'
import { configOf, losesRecords } from './topic-config.ts'
import { describeTopics, type FoundTopic } from './topic-plan.ts'

export interface StartSurroundings {
  connection: Pick<KafkaConnection, 'admin'>
  topology: Pick<Topology, 'topics' | 'stages'>
  replicationFactor: number
  log: Log
}

/** One reason not to start. */
export interface Problem {
  code: 'kafka.too-old' | 'kafka.topic-missing' | 'state.partitions-differ' | 'topics.changed'
  /** What is the matter, one sentence. */
  what: string
  remedy: string
}

const VERSION_DEADLINE_MS = 5_000

const MAKE_TOPICS = 'Run `sluice topics apply`.'
const MEND_TOPICS = 'See `sluice topics plan` for what differs; `sluice topics apply` brings it back, or declare in topics/ what is meant.'
const SAME_PARTITIONS = 'A key\'s state must be where its records are: give both topics the declared number of partitions, under new names if need be.'
const UPGRADE = 'Upgrade every broker to Kafka 4.0 or later.'

/**
 * Resolves when all of the stages may start. Asks once for all stages together: four requests, and one to each broker.
 * @throws Halt with every problem in its text and the first one's code; `kafka.unreachable` when the brokers do not tell
 */
export async function checkBeforeStart(stages: readonly Stage[], surroundings: StartSurroundings): Promise<void> {
  const { connection: { admin }, topology, replicationFactor, log } = surroundings
  const wanted = plansFor(stages, topology)
  try {
    const [old, found] = await Promise.all([oldBrokers(admin, log), describeTopics(admin, wanted.map(({ name }) => name))])
    warnOfDifferences(wanted, found, replicationFactor, log)
    refuse([...old, ...findProblems(stages, wanted, found, replicationFactor)])
  } catch (error) {
    throw error instanceof Halt ? error : new Halt('kafka.unreachable', `The brokers did not tell how their topics are kept: ${reasonOf(error)}`,
      'Start Kafka, and let this principal describe the cluster, its topics and their settings.', { cause: error })
  }
}

/** The declared topics that these stages read or write, dead letters and changelogs included. */
function plansFor(stages: readonly Stage[], topology: StartSurroundings['topology']): TopicPlan[] {
  const names = new Set(stages.flatMap((stage) => [
    ...topicsOf(stage).map(({ name }) => name), deadLetterTopic(stage.name), ...(stage.kind === 'sink' ? sinkTopics(stage, topology) : []),
  ]))
  return topology.topics.filter(({ name }) => names.has(name))
}

/** All of a stage's problems with its topics; pure. */
export function findProblems(stages: readonly Stage[], wanted: readonly TopicPlan[], found: ReadonlyMap<string, FoundTopic>, replicationFactor: number): Problem[] {
  return [
    ...wanted.filter(({ name }) => !found.has(name)).map(missing),
    ...stages.flatMap((stage) => movedKeys(stage, found)),
    ...wanted.flatMap((plan) => dangers(plan, found.get(plan.name), replicationFactor)),
  ]
}

function missing({ name }: TopicPlan): Problem {
  return { code: 'kafka.topic-missing', what: `The topic ${name} is missing, or this principal may not see it.`, remedy: MAKE_TOPICS }
}

/** A stateful stage's input and changelog must have the same partitions, and those that the state was made with (I5). */
function movedKeys(stage: Stage, found: ReadonlyMap<string, FoundTopic>): Problem[] {
  if (stage.kind !== 'stateful') return []
  const { reads, state: { changelog } } = stage
  const [inputs, entries] = [found.get(reads.name)?.partitions, found.get(changelog.name)?.partitions]
  if (inputs === undefined || entries === undefined) return []
  if (inputs !== entries) {
    return [{ code: 'state.partitions-differ', remedy: SAME_PARTITIONS, what: `${stage.name} reads ${reads.name} with ${partitions(inputs)} and keeps its state in ${changelog.name} with ${partitions(entries)}.` }]
  }
  if (inputs <= reads.partitions) return []
  return [{ code: 'topics.changed', remedy: SAME_PARTITIONS, what: `${reads.name} and ${changelog.name} have ${partitions(inputs)} instead of ${reads.partitions}, so keys would move away from their state.` }]
}

/** Settings of a topic by which records could be lost or refused. */
function dangers(plan: TopicPlan, found: FoundTopic | undefined, replicationFactor: number): Problem[] {
  if (!found) return []
  const settings = differences(plan, found, replicationFactor).filter(({ name, declared, value }) => endangers(name, declared, value)).map(textOf)
  const fewer = found.partitions < plan.partitions ? [`it has ${partitions(found.partitions)}, not ${plan.partitions}`] : []
  const all = [...fewer, ...settings]
  if (all.length === 0) return []
  return [{ code: 'topics.changed', what: `${plan.name} is not kept as declared, and records could be lost or refused: ${all.join(', ')}.`, remedy: MEND_TOPICS }]
}

interface Difference { name: string; declared: string; value: string }

function differences(plan: TopicPlan, { config }: FoundTopic, replicationFactor: number): Difference[] {
  return Object.entries(configOf(plan, replicationFactor))
    .map(([name, declared]) => ({ name, declared, value: config[name] ?? 'unset' }))
    .filter(({ declared, value }) => value !== declared)
}

function endangers(name: string, declared: string, value: string): boolean {
  switch (name) {
    // One replica fewer than declared may hold the only copy of what was acknowledged.
    case 'min.insync.replicas': return Number(value) < Number(declared)
    case 'unclean.leader.election.enable': return value === 'true'
    default: return losesRecords(name, declared, value)
  }
}

/** What endangers no record is told, and is no reason to stop. */
function warnOfDifferences(wanted: readonly TopicPlan[], found: ReadonlyMap<string, FoundTopic>, replicationFactor: number, log: Log): void {
  for (const plan of wanted) {
    const topic = found.get(plan.name)
    const harmless = topic ? differences(plan, topic, replicationFactor).filter(({ name, declared, value }) => !endangers(name, declared, value)) : []
    if (harmless.length > 0) log.warn({ topic: plan.name, settings: harmless.map(textOf) }, 'a topic is not kept as declared')
  }
}

function textOf({ name, declared, value }: Difference): string {
  return `${name} is ${value}, not ${declared}`
}

function partitions(count: number): string {
  return `${count} ${count === 1 ? 'partition' : 'partitions'}`
}

/** A broker that does not answer is not counted: it may be the one that is away. */
async function oldBrokers(admin: KafkaConnection['admin'], log: Log): Promise<Problem[]> {
  const { brokers } = await admin.describeCluster()
  const problems = await Promise.all(brokers.map(async ({ host, port }): Promise<Problem[]> => {
    const address = `${host}:${port}`
    try {
      if (isKafka4(await apiVersions(address, VERSION_DEADLINE_MS))) return []
      return [{ code: 'kafka.too-old', what: `The broker at ${address} is older than Kafka 4.0, whose transactions this needs.`, remedy: UPGRADE }]
    } catch (error) {
      log.warn({ broker: address, reason: reasonOf(error) }, 'a broker did not tell its version')
      return []
    }
  }))
  return problems.flat()
}

function refuse(problems: Problem[]): void {
  const [first] = problems
  if (!first) return
  throw new Halt(first.code, problems.map(({ what }) => what).join('\n'), [...new Set(problems.map(({ remedy }) => remedy))].join('\n'))
}
