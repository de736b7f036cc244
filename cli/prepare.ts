/** Makes what the stages need and lack: topics, schemas, tables. */
import type { Config } from '#runtime/config.ts'
import { connectKafka } from '#runtime/kafka/client.ts'
import { applyTopics } from '#runtime/kafka/topic-apply.ts'
import { planTopics } from '#runtime/kafka/topic-plan.ts'
import type { Log } from '#runtime/log.ts'
import { migrate } from '#runtime/postgres/migrate.ts'
import { topology } from '#topology'
import { MIGRATIONS } from './commands/migrate.ts'
import { connectTopics } from './topics.ts'

export async function prepare(config: Config, log: Log, note: (line: string) => void): Promise<void> {
  const [changes, applied] = await Promise.all([makeTopics(config, log), migrate({ databaseUrl: config.databaseUrl, dir: MIGRATIONS })])
  if (changes > 0) note(`${changes} topics and schemas made`)
  if (applied.length > 0) note(`${applied.length} migrations applied`)
}

async function makeTopics(config: Config, log: Log): Promise<number> {
  const connection = await connectKafka({ brokers: config.kafkaBrokers, clientId: 'sluice-cli' }, log)
  try {
    const surroundings = connectTopics(config, connection)
    const plan = await planTopics(topology, surroundings)
    await applyTopics(plan, surroundings)
    return plan.changes.length
  } finally {
    await connection.close()
  }
}
