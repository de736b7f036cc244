/** What must change on the broker and in the registry so that they hold what the topology declares. Changes nothing. */
import { ConfigResourceTypes, ConfigSource, type Admin } from './patches.ts'
import { subjectOf } from '../avro/codec.ts'
import { COMPATIBILITY, type CompatibilityRules } from '../avro/compatibility.ts'
import type { Registry } from '../avro/registry.ts'
import type { TopicPlan, Topology } from '../define/topology.ts'
import { configOf, losesRecords, type TopicConfig } from './topic-config.ts'

interface Describable {
  /** Topic or subject. */
  name: string
  /** One line for people. */
  detail: string
  /** May lose records or refuse some that were taken so far: done by force only. */
  destructive: boolean
  /** Why this is never done, with what to do instead. */
  refused?: string
}

export type TopicChange = Describable & (
  | { kind: 'create-topic'; partitions: number; config: TopicConfig }
  | { kind: 'add-partitions'; partitions: number }
  | { kind: 'remove-partitions' }
  /** All of the topic's own settings, changed ones included. */
  | { kind: 'set-config'; set: TopicConfig }
  | { kind: 'register-schema'; schema: object; isFirst: boolean }
  | { kind: 'set-compatibility' }
)

export interface TopicsPlan {
  changes: TopicChange[]
  replicationFactor: number
}

/** Where topics and schemas live. */
export interface TopicSurroundings {
  admin: Admin
  registry: Registry
  rules: CompatibilityRules
  replicationFactor: number
}

/** A topic as the broker has it. */
export interface FoundTopic {
  partitions: number
  /** Every setting's value. */
  config: TopicConfig
  /** Those that were set for this topic. */
  own: TopicConfig
}

/** Differences between the topology and the broker and registry, topics first. */
export async function planTopics(topology: Pick<Topology, 'topics' | 'stages'>, surroundings: TopicSurroundings): Promise<TopicsPlan> {
  const { admin, replicationFactor } = surroundings
  const found = await describeTopics(admin, topology.topics.map(({ name }) => name))
  const keyed = keyBoundTopics(topology)
  const topics = topology.topics.flatMap((plan) => diffTopic(plan, found.get(plan.name), { replicationFactor, isKeyBound: keyed.has(plan.name) }))
  const subjects = await Promise.all(topology.topics.map((plan) => diffSubject(plan, surroundings)))
  return { changes: [...topics, ...subjects.flat()], replicationFactor }
}

/** Topics whose records belong to state that is kept by partition (I5): a key must never move to another one. */
function keyBoundTopics({ stages }: Pick<Topology, 'stages'>): Set<string> {
  return new Set(stages.flatMap((stage) => (stage.kind === 'stateful' ? [stage.reads.name, stage.state.changelog.name] : [])))
}

/** The wanted topics that exist, by name. */
export async function describeTopics(admin: Admin, wanted: string[]): Promise<Map<string, FoundTopic>> {
  const present = new Set(await admin.listTopics())
  const names = wanted.filter((name) => present.has(name))
  if (names.length === 0) return new Map()
  const { topics } = await admin.fetchTopicMetadata({ topics: names })
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false, resources: names.map((name) => ({ type: ConfigResourceTypes.TOPIC, name })),
  })
  const partitions = new Map(topics.map((topic) => [topic.name, topic.partitions.length]))
  return new Map(resources.map(({ resourceName, configEntries }) => [resourceName, {
    partitions: partitions.get(resourceName) ?? 0,
    config: valuesOf(configEntries),
    own: valuesOf(configEntries.filter(({ configSource }) => configSource === ConfigSource.TOPIC_CONFIG)),
  }]))
}

function valuesOf(entries: { configName: string; configValue: string }[]): TopicConfig {
  return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]))
}

interface TopicCircumstances { replicationFactor: number; isKeyBound: boolean }

/** What one topic needs; pure. */
export function diffTopic(plan: TopicPlan, found: FoundTopic | undefined, { replicationFactor, isKeyBound }: TopicCircumstances): TopicChange[] {
  const config = configOf(plan, replicationFactor)
  if (!found) return [creation(plan, config)]
  return [...diffPartitions(plan, found.partitions, isKeyBound), ...diffConfig(plan.name, config, found)]
}

function creation({ name, partitions, cleanup }: TopicPlan, config: TopicConfig): TopicChange {
  const detail = `${partitions} ${partitions === 1 ? 'partition' : 'partitions'}, ${cleanup}`
  return { kind: 'create-topic', name, detail, destructive: false, partitions, config }
}

function diffPartitions({ name, partitions }: TopicPlan, found: number, isKeyBound: boolean): TopicChange[] {
  if (found === partitions) return []
  const detail = `${found} → ${partitions} partitions`
  if (found > partitions) {
    return [{ kind: 'remove-partitions', name, detail, destructive: true, refused: `Kafka cannot take partitions away. Declare ${found} in topics/, or move to a topic of another name.` }]
  }
  const change: TopicChange = { kind: 'add-partitions', name, detail, destructive: false, partitions }
  return [isKeyBound ? { ...change, destructive: true, refused: 'Its reader keeps state by partition, and keys would move away from their state. Declare the number that it has.' } : change]
}

/** One change for all settings: each alteration resets what it does not name. */
function diffConfig(name: string, wanted: TopicConfig, { config, own }: FoundTopic): TopicChange[] {
  const different = Object.entries(wanted).filter(([key, value]) => config[key] !== value)
  if (different.length === 0) return []
  return [{
    kind: 'set-config', name, set: { ...own, ...Object.fromEntries(different) },
    detail: different.map(([key, value]) => `${key} ${config[key] ?? 'unset'} → ${value}`).join(', '),
    destructive: different.some(([key, value]) => losesRecords(key, config[key] ?? '', value)),
  }]
}

async function diffSubject({ name: topic, schema }: TopicPlan, { registry, rules }: TopicSurroundings): Promise<TopicChange[]> {
  if (schema === null) return []
  const name = subjectOf({ name: topic })
  if ((await registry.idOf(name, schema)) === undefined) return [await registration(name, schema, rules, await registry.latest(name) === undefined)]
  const level = await rules.levelOf(name)
  if (level === COMPATIBILITY) return []
  return [{ kind: 'set-compatibility', name, detail: `${level ?? 'the registry\'s default'} → ${COMPATIBILITY}`, destructive: false }]
}

async function registration(name: string, schema: object, rules: CompatibilityRules, isFirst: boolean): Promise<TopicChange> {
  const change = { kind: 'register-schema', name, schema, isFirst, destructive: false } as const
  if (isFirst) return { ...change, detail: `first version, ${COMPATIBILITY}` }
  const problems = await rules.problemsOf(name, schema)
  if (problems.length === 0) return { ...change, detail: 'new version, readers of old records stay able to read them' }
  return { ...change, detail: 'new version', refused: `Old records would become unreadable: ${problems.join('; ').slice(0, 500)}. Give new fields a default, and keep old ones.` }
}
