/** Whether everything has come to its end, and what is stuck when it has not. */
import { partitionKey } from '#runtime/loop/partition-key.ts'
import type { Kept } from './workload/topology.ts'
import { parse } from './oracle/fates.ts'
import type { World } from './world.ts'

/** One line for each thing that is not finished; empty when all is. */
export function unfinished(world: World): string[] {
  const { broker, database } = world
  const behind = (stage: string, topics: string[], positionOf: (key: string, id: { topic: string; partition: number }) => number): string[] =>
    topics.flatMap((topic) => broker.partitionsOf(topic)).flatMap((id) => {
      const log = broker.log(id)
      const last = log.committedRecords().at(-1)?.offset ?? -1
      const position = positionOf(partitionKey(id), id)
      return position > last ? [] : [`${stage} is at ${position} of ${partitionKey(id)}, whose last record is ${last} (stable up to ${log.lastStable}, ${log.open} open transactions)`]
    })
  const reached = (group: string) => (_: string, id: { topic: string; partition: number }) => broker.group(group).reached(id)
  const lines = [
    ...behind('check', ['event.made'], reached('check')),
    ...behind('first', ['event.checked'], reached('first')),
    ...behind('keep', ['event.judged', 'check.dead', 'first.dead'], (key) => Number(database.progress.get(key)?.next_offset ?? 0)),
  ]
  return lines.length > 0 ? [...lines, ...describeHosts(world)] : unannounced(world)
}

function unannounced({ broker, database }: World): string[] {
  const kept = new Set(broker.committedRecords('event.kept').map(({ value }) => parse<Kept>(value)!.id))
  const rows = [...database.rows.keys()].filter((id) => !kept.has(id))
  const failed = new Set(broker.committedRecords('event.failed').map(({ value }) => placeOfFailed(parse(value)!)))
  const failures = [...database.failures.values()].map(placeOfFailed).filter((place) => !failed.has(place))
  return [...(rows.length > 0 ? [`not announced: rows ${rows.slice(0, 5).join(' ')}`] : []), ...(failures.length > 0 ? [`not announced: failures ${failures.slice(0, 5).join(' ')}`] : [])]
}

function placeOfFailed({ stage, topic, partition, offset }: { stage: string; topic: string; partition: number; offset: number }): string {
  return `${stage} ${topic}/${partition}/${offset}`
}

function describeHosts({ hosts }: World): string[] {
  return hosts.map(({ name, stages, process }) => `${name} (${stages.join(' ')}): ${process ? `${process.name}${process.isFrozen ? ' frozen' : ''}${process.isHung ? ' hung' : ''}` : 'down'}`)
}
