/** A round's world as the oracle sees it. */
import { checkRound, prepareRound, type RoundWorld } from '#test/delivery/oracle/index.ts'
import { deadLetterTopic } from '#runtime/loop/dead-letter.ts'
import type { Broken } from './fault.ts'
import type { World } from './world.ts'
import { STAGES, type StageName } from './workload/topology.ts'

/** To be called before the first stage runs. */
export function prepare(world: World): Promise<void> {
  return prepareRound(roundWorld(world))
}

/** Of a world that has come to rest. */
export async function judge(world: World): Promise<{ broken: Broken[]; counts: Record<string, number> }> {
  const { violations, counts } = await checkRound(roundWorld(world))
  return { broken: violations, counts }
}

function roundWorld(world: World): RoundWorld {
  const { topics, stages } = world.load
  const { kafkaBrokers, registryUrl } = world.arena.stack
  const { mayGiveUp, versions } = world.needs
  const named = (of: (stage: StageName) => string) => Object.fromEntries(STAGES.map((stage) => [stage, of(stage)])) as Record<StageName, string>
  return {
    brokers: kafkaBrokers, registryUrl, databaseUrl: world.databaseUrl, stages, produced: world.flow.produced,
    topics: {
      made: topics.made.name, checked: topics.checked.name, judged: topics.judged.name, kept: topics.kept.name, failed: topics.failed.name,
      changelog: topics.remembered.name, dead: named((stage) => deadLetterTopic(stages[stage])),
    },
    groups: named((stage) => world.groupOf(stage)),
    ...(mayGiveUp ? { mayGiveUp } : {}), ...(versions ? { versions } : {}),
  }
}
