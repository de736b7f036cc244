/** Gathers a round's evidence: topics by Kafka's own client, values by the registry's schemas, tables by plain SQL. */
import { readDatabase } from './database.ts'
import { Decoder } from './decode.ts'
import { placeOf, type Evidence, type FailureTold, type Judged, type Made, type Produced, type Remembered, type StageName, type TopicRecord } from './evidence.ts'
import { readWithJava, type JavaView } from './java-reader.ts'
import { byStage } from './ledger.ts'

export interface RoundWorld {
  /** Bootstrap servers that no fault stands before. */
  brokers: string
  registryUrl: string
  databaseUrl: string
  /** When the round's tables lie in a schema of a shared database. */
  databaseSchema?: string
  topics: { made: string; checked: string; judged: string; kept: string; failed: string; changelog: string; dead: Record<StageName, string> }
  /** Consumer groups. */
  groups: Record<StageName, string>
  /** The stages' names in dead letters and failures. */
  stages: Record<StageName, string>
  /** All that the generator wrote. */
  produced: Produced[]
  /** Codes of failures that healthy events may have in this round. */
  mayGiveUp?: readonly string[]
  /** Versions of a stage that ran side by side in this round; 1 when absent. */
  versions?: number
}

const BARRIER_KEY = '__barrier'

export async function readRound(world: RoundWorld): Promise<Evidence> {
  const { topics, groups, stages, produced, mayGiveUp = [], versions = 1 } = world
  const { made, checked, judged, kept, failed, changelog, dead } = topics
  const transactional = [judged, changelog, dead.first]
  const view = await readWithJava({
    brokers: world.brokers, committed: [made, checked, judged, kept, failed, changelog, ...Object.values(dead)], uncommitted: transactional, groups: Object.values(groups),
  })
  const decoder = new Decoder(world.registryUrl)
  const read = <Fact>(topic: string) => decoder.all<Fact>(view.committed.get(topic)!)
  return {
    topics: { made, checked, judged }, stages, produced, mayGiveUp, versions,
    made: await read<Made>(made), checked: await read<Made>(checked), judged: await read<Judged>(judged),
    kept: await read<{ id: string }>(kept), failed: await read<FailureTold>(failed),
    changelog: (await read<Remembered>(changelog)).filter(({ key }) => key?.toString('latin1') !== BARRIER_KEY),
    dead: byStage((stage) => view.committed.get(dead[stage])!),
    aborted: transactional.flatMap((topic) => abortedIn(topic, view)),
    ends: view.ends,
    positions: byStage((stage) => view.positions.get(groups[stage])!),
    ...(await readDatabase(world.databaseUrl, world.databaseSchema)),
  }
}

/** What only a reader of uncommitted records sees. */
function abortedIn(topic: string, { committed, uncommitted }: JavaView): TopicRecord[] {
  const seen = new Set(committed.get(topic)!.map(placeOf))
  return uncommitted.get(topic)!.filter((record) => !seen.has(placeOf(record)))
}
