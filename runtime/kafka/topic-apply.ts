/** Carries a plan out. Doing so twice, or by two processes at once, is harmless. */
import { ConfigResourceTypes } from './patches.ts'
import { Halt } from '../errors.ts'
import type { TopicChange, TopicsPlan, TopicSurroundings } from './topic-plan.ts'

/** Created topics are used at once: the call waits until every partition has a leader. */
const CREATE_TIMEOUT_MS = 30_000

type Change<K extends TopicChange['kind']> = Extract<TopicChange, { kind: K }>

/**
 * Makes the changes; what may lose records only with `force`, and what can only be refused never.
 * @throws Halt `topics.refused` before anything is changed; `registry.not-enforcing`
 */
export async function applyTopics(plan: TopicsPlan, surroundings: TopicSurroundings, options: { force?: boolean; onChange?: (change: TopicChange) => void } = {}): Promise<void> {
  refuse(plan.changes, options.force ?? false)
  if (plan.changes.some(({ kind }) => kind === 'register-schema' || kind === 'set-compatibility')) await surroundings.rules.proveEnforced()
  const creations = plan.changes.filter((change) => change.kind === 'create-topic')
  await createTopics(creations, surroundings)
  for (const change of plan.changes) {
    if (change.kind !== 'create-topic') await applyChange(change, surroundings)
    options.onChange?.(change)
  }
}

function refuse(changes: TopicChange[], force: boolean): void {
  const impossible = changes.filter(({ refused }) => refused !== undefined)
  if (impossible.length > 0) {
    throw new Halt('topics.refused', impossible.map(({ name, detail, refused }) => `${name}: ${detail}. ${refused}`).join('\n'),
      'Correct the declarations named above; nothing was changed.')
  }
  const destructive = changes.filter((change) => change.destructive)
  if (destructive.length > 0 && !force) {
    throw new Halt('topics.refused', destructive.map(({ name, detail }) => `${name}: ${detail}, which may lose records`).join('\n'),
      'Nothing was changed. Run `sluice topics apply --force` when that is meant.')
  }
}

async function createTopics(creations: Change<'create-topic'>[], { admin, replicationFactor }: TopicSurroundings): Promise<void> {
  if (creations.length === 0) return
  await admin.createTopics({
    waitForLeaders: true, timeout: CREATE_TIMEOUT_MS,
    topics: creations.map(({ name, partitions, config }) => ({
      topic: name, numPartitions: partitions, replicationFactor,
      configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
    })),
  })
}

async function applyChange(change: Exclude<TopicChange, { kind: 'create-topic' }>, { admin, registry, rules }: TopicSurroundings): Promise<void> {
  switch (change.kind) {
    case 'add-partitions':
      await admin.createPartitions({ topicPartitions: [{ topic: change.name, count: change.partitions }] })
      return
    case 'set-config':
      await admin.alterConfigs({ validateOnly: false, resources: [alteration(change)] })
      return
    case 'register-schema':
      // The registry client refuses a subject that somebody else has made with another level.
      if (!change.isFirst) await rules.setLevel(change.name)
      await registry.register(change.name, change.schema)
      return
    case 'set-compatibility':
      await rules.setLevel(change.name)
      return
    case 'remove-partitions':
      throw new Error(`${change.name}: partitions cannot be removed [T1]`)
  }
}

/** kafkajs knows the older AlterConfigs only, which resets what it does not name: the topic's own settings go along. */
function alteration({ name, set }: Change<'set-config'>): { type: ConfigResourceTypes; name: string; configEntries: { name: string; value: string }[] } {
  const entries = Object.entries(set).map(([key, value]) => ({ name: key, value }))
  return { type: ConfigResourceTypes.TOPIC, name, configEntries: entries }
}
