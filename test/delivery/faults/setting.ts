/** A round's own topics, schemas and database, on servers that it shares with other rounds. */
import { join } from 'node:path'
import { connectCompatibility } from '#runtime/avro/compatibility.ts'
import { ConfigResourceTypes } from '#runtime/kafka/patches.ts'
import { applyTopics } from '#runtime/kafka/topic-apply.ts'
import { configOf } from '#runtime/kafka/topic-config.ts'
import { planTopics } from '#runtime/kafka/topic-plan.ts'
import { migrate } from '#runtime/postgres/migrate.ts'
import { onServer } from '#test/support/database.ts'
import type { Arena } from './arena.ts'
import type { RoundNeeds } from './fault.ts'
import { seeded } from './random.ts'
import { KEPT_TABLE } from './workload/kept-store.ts'
import { workload, type Workload } from './workload/topology.ts'

const MIGRATIONS = join(import.meta.dirname, '..', '..', '..', 'migrations')

export interface Setting {
  prefix: string
  load: Workload
  databaseUrl: string
  remove(): Promise<void>
}

export async function makeSetting(arena: Arena, seed: string, needs: RoundNeeds): Promise<Setting> {
  const prefix = nameOf(seed)
  const load = workload(prefix)
  const databaseName = `faults_${prefix}`
  const [databaseUrl] = await Promise.all([makeDatabase(arena, databaseName), makeTopics(arena, load, needs)])
  return {
    prefix, load, databaseUrl,
    async remove() {
      // What cannot be removed goes with the stack.
      await arena.connection.admin.deleteTopics({ topics: load.topology.topics.map(({ name }) => name) }).catch(() => undefined)
      await onServer(arena.stack.databaseUrl, `drop database if exists ${databaseName} with (force)`).catch(() => undefined)
    },
  }
}

/** Letters only, as names of topics and stages have; another one each time, also of the same seed. */
function nameOf(seed: string): string {
  const random = seeded(`${seed} ${Date.now()}`)
  return `r${Array.from({ length: 8 }, () => String.fromCharCode(97 + random.whole(0, 25))).join('')}`
}

async function makeTopics({ connection, registry, stack }: Arena, { topology, topics }: Workload, { changelog, topics: others }: RoundNeeds): Promise<void> {
  const surroundings = { admin: connection.admin, replicationFactor: 1, registry, rules: connectCompatibility(stack.registryUrl) }
  await applyTopics(await planTopics(topology, surroundings), surroundings)
  const changes = topology.topics.map((plan) => ({ plan, change: plan.name === topics.remembered.name ? changelog : others })).filter(({ change }) => change)
  if (changes.length === 0) return
  await connection.admin.alterConfigs({
    validateOnly: false,
    // An alteration resets what it does not name.
    resources: changes.map(({ plan, change }) => ({ type: ConfigResourceTypes.TOPIC, name: plan.name, configEntries: entriesOf({ ...configOf(plan, 1), ...change }) })),
  })
}

function entriesOf(config: Record<string, string>): { name: string; value: string }[] {
  return Object.entries(config).map(([name, value]) => ({ name, value }))
}

async function makeDatabase({ stack }: Arena, name: string): Promise<string> {
  await onServer(stack.databaseUrl, `create database ${name}`)
  const url = new URL(stack.databaseUrl)
  url.pathname = `/${name}`
  await migrate({ databaseUrl: url.href, dir: MIGRATIONS })
  await onServer(url.href, KEPT_TABLE)
  return url.href
}
