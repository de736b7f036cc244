/**
 * The pipeline as a value. Definitions are checked as plain data, before anything connects: all problems are reported
 * together, each with its remedy.
 */
import { Halt } from '../errors.ts'
import { deadLetterTopic } from '../loop/dead-letter.ts'
import type { Processor, StatefulProcessor } from './processor.ts'
import type { Sink } from './sink.ts'
import type { Topic } from './topic.ts'

export type Stage = Processor | StatefulProcessor | Sink

export interface TopologySpec {
  /** Topics that producers outside write to. */
  enters: Topic[]
  /** In flow order: a stage stands below every stage whose topic it reads. */
  stages: Stage[]
  /** Topics that are written for readers outside. */
  leaves: Topic[]
}

/** A topic as it must exist on the broker. */
export interface TopicPlan {
  name: string
  partitions: number
  cleanup: 'delete' | 'compact'
  retentionMs: number
  maxMessageBytes: number
  /** Avro schema to register; null for topics of raw bytes. */
  schema: object | null
}

export interface Topology extends Readonly<TopologySpec> {
  stage(name: string): Stage
  /** Every topic, dead letters and changelogs included. */
  topics: TopicPlan[]
  /** Every topic with a schema. */
  typed: Topic[]
}

const MONTH_MS = 30 * 24 * 3600 * 1000

const STAGE_NAME = /^[a-z][a-z-]*$/
const TOPIC_NAME = /^[a-z][a-z-]*\.[a-z][a-z-]*$/

/** @throws Halt `topology.invalid` */
export function defineTopology(spec: TopologySpec): Topology {
  const problems = findProblems(spec)
  if (problems.length > 0) throw new Halt('topology.invalid', problems.join('\n'), 'Correct the declarations named above.')
  const typed = typedTopics(spec)
  return Object.freeze({
    ...spec,
    typed,
    topics: [...typed.map(planOf), ...spec.stages.map(deadLetterPlan)],
    stage: (name: string) => findStage(spec.stages, name),
  })
}

/** Topics that a stage must be able to write, its changelog included. */
export function topicsOf(stage: Stage): Topic[] {
  return [stage.reads, ...stage.writes, ...(stage.kind === 'stateful' ? [stage.state.changelog] : [])]
}

function findStage(stages: Stage[], name: string): Stage {
  const stage = stages.find((candidate) => candidate.name === name)
  if (!stage) throw new Halt('topology.no-such-stage', `There is no stage ${name}.`, `Choose one of ${stages.map((each) => each.name).join(', ')}.`)
  return stage
}

function typedTopics({ enters, stages, leaves }: TopologySpec): Topic[] {
  return [...new Set([...enters, ...stages.flatMap(topicsOf), ...leaves])]
}

function planOf({ name, partitions, cleanup, retentionMs, maxMessageBytes, schema }: Topic): TopicPlan {
  return { name, partitions, cleanup, retentionMs, maxMessageBytes, schema }
}

/** Dead letters are kept for a month, and get room for the headers that they carry besides the original bytes. */
function deadLetterPlan({ name, reads }: Stage): TopicPlan {
  return { name: deadLetterTopic(name), partitions: 1, cleanup: 'delete', retentionMs: MONTH_MS, maxMessageBytes: 2 * reads.maxMessageBytes, schema: null }
}

function findProblems(spec: TopologySpec): string[] {
  return [...badNames(spec), ...sharedNames(spec), ...brokenEdges(spec), ...badPolicies(spec)]
}

function badNames(spec: TopologySpec): string[] {
  const stages = spec.stages.filter(({ name }) => !STAGE_NAME.test(name)).map(({ name }) => `stage "${name}": name it by a verb in lower case`)
  const topics = typedTopics(spec).filter(({ name }) => !TOPIC_NAME.test(name)).map(({ name }) => `topic "${name}": name it noun.past-participle`)
  return [...stages, ...topics]
}

function sharedNames(spec: TopologySpec): string[] {
  const names = [...spec.stages.map(({ name }) => name), ...typedTopics(spec).map(({ name }) => name)]
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))].map((name) => `"${name}" names two things: rename one`)
}

/** Every topic that is read must have been written above, and what is written must be read or leave. */
function brokenEdges({ enters, stages, leaves }: TopologySpec): string[] {
  const problems: string[] = []
  const written = new Set(enters)
  for (const stage of stages) {
    if (!written.has(stage.reads)) problems.push(`${stage.name} reads ${stage.reads.name}, which nothing above it writes: move it, or let the topic enter`)
    for (const topic of stage.writes) {
      if (written.has(topic)) problems.push(`${stage.name} writes ${topic.name}, which has a writer already: give it its own topic`)
      written.add(topic)
    }
  }
  const read = new Set([...stages.map(({ reads }) => reads), ...leaves])
  return [...problems, ...[...written].filter((topic) => !read.has(topic)).map(({ name }) => `${name} is written and never read: add a reader, or let it leave`)]
}

function badPolicies({ stages }: TopologySpec): string[] {
  return stages.flatMap((stage) => {
    if (stage.kind === 'processor') return badRetry(stage)
    if (stage.kind === 'stateful') return badState(stage)
    return []
  })
}

function badRetry({ name, retry, concurrency, deadlineMs }: Processor): string[] {
  return [
    ...(retry.attempts >= 1 && retry.attempts <= 100 ? [] : [`${name}: retry.attempts must be 1 to 100`]),
    ...(retry.firstDelayMs > 0 && retry.maxDelayMs >= retry.firstDelayMs ? [] : [`${name}: retry delays must rise from above 0`]),
    ...(concurrency.inFlightPerPartition >= 1 ? [] : [`${name}: concurrency.inFlightPerPartition must be at least 1`]),
    ...(deadlineMs > 0 ? [] : [`${name}: deadlineMs must be above 0`]),
  ]
}

function badState({ name, state, reads }: StatefulProcessor): string[] {
  return [
    ...(state.changelog.cleanup === 'compact' ? [] : [`${name}: its changelog ${state.changelog.name} must be compacted, or its state is forgotten`]),
    ...(state.changelog.partitions === reads.partitions ? [] : [`${name}: ${state.changelog.name} needs as many partitions as ${reads.name} (${reads.partitions})`]),
  ]
}
