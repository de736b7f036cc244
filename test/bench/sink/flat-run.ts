/** Our sink from the very topic that Kafka Connect reads into the very table that it writes: what both do is the same. */
import { join } from 'node:path'
import { makePeerTable, PEER_TABLE, peerTypes } from './connect/peer-table.ts'
import { flatTopic, flatValue } from './connect/flat-topic.ts'
import { contentsOf, expectedRows, isSame } from './contents.ts'
import { fill } from './fill.ts'
import { flatTopology } from './flat-sink.ts'
import type { Ground } from './ground.ts'
import { runSink, type SinkRun } from './sink-run.ts'
import type { Subject, TagNumbers } from './subject.ts'

/** Creates the topic, with the schema that Connect's converter asks for. */
export async function applyFlat(ground: Ground, subject: Subject): Promise<void> {
  const types = await ground.withDatabase(subject, async (databaseUrl) => {
    await makePeerTable(databaseUrl, subject.tables[0])
    return peerTypes(databaseUrl)
  })
  await ground.apply(flatTopology(subject, types))
}

/** Writes rows number `from` to before `to`. */
export function fillFlat(ground: Ground, subject: Subject, tags: TagNumbers, { from, to }: { from: number; to: number }): Promise<void> {
  return fill(ground, { topic: flatTopic(subject), from, count: to - from, valueOf: (n) => flatValue(subject, n, tags) })
}

/** The topic holds `count` rows. */
export function runFlat(ground: Ground, subject: Subject, tags: TagNumbers, count: number): Promise<{ run: SinkRun; verified: boolean }> {
  const flat: Subject = {
    ...subject, program: [join(import.meta.dirname, 'flat-program.ts'), subject.name],
    async prepare(databaseUrl) {
      await subject.prepare(databaseUrl)
      await makePeerTable(databaseUrl, subject.tables[0])
    },
  }
  return ground.withDatabase(flat, async (databaseUrl) => {
    const run = await runSink(ground, flat, { databaseUrl, count, app: 'flat' })
    const table = { name: PEER_TABLE, columns: subject.tables[0].columns }
    return { run, verified: isSame(await contentsOf(databaseUrl, table, { vectorsAre: 'bytea' }), expectedRows(subject.tables[0], count, tags)) }
  })
}
