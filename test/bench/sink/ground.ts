/** Where the measurements take place: a private broker, registry and Postgres; topics as declared, and empty databases. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectTopics } from '#cli/topics.ts'
import { loadConfig, type Config } from '#runtime/config.ts'
import type { Topology } from '#runtime/define/topology.ts'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { applyTopics } from '#runtime/kafka/topic-apply.ts'
import { planTopics } from '#runtime/kafka/topic-plan.ts'
import { createLog } from '#runtime/log.ts'
import { startStack, type Stack } from '#stack/stack.ts'
import { onServer } from '#test/support/database.ts'
import type { Subject } from './subject.ts'

export interface Ground {
  /** For files; removed at the end. */
  dir: string
  connection: KafkaConnection
  config: Config
  registryUrl: string
  /** Creates topics and registers their schemas. */
  apply(topology: Topology): Promise<void>
  /** Gives a new database with the subject's tables, after a checkpoint, and drops it. */
  withDatabase<T>(subject: Subject, work: (databaseUrl: string) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export async function openGround(): Promise<Ground> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const stack = await startStack({ dir, env: {} })
  const config = loadConfig({ ...stack.env(), SLUICE_APP: 'bench', SLUICE_STATE: join(dir, 'state') })
  const connection = await connectKafka({ brokers: config.kafkaBrokers, clientId: 'bench' }, createLog('bench', 'error'))
  const surroundings = connectTopics(config, connection)
  return {
    dir, connection, config, registryUrl: config.registryUrl,
    async apply(topology) {
      await applyTopics(await planTopics(topology, surroundings), surroundings)
    },
    withDatabase: (subject, work) => withDatabase(stack, subject, work),
    async close() {
      await connection.close()
      await stack.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function withDatabase<T>({ databaseUrl }: Stack, subject: Subject, work: (databaseUrl: string) => Promise<T>): Promise<T> {
  const name = `bench_${randomUUID().replaceAll('-', '')}`
  await onServer(databaseUrl, `create database ${name}`)
  try {
    const url = new URL(databaseUrl)
    url.pathname = `/${name}`
    await subject.prepare(url.href)
    await checkpoint(url.href)
    return await work(url.href)
  } finally {
    await onServer(databaseUrl, `drop database ${name} with (force)`)
  }
}

/** So that each run begins alike: what was written before is on disk, and no page was changed since. */
export async function checkpoint(databaseUrl: string): Promise<void> {
  await onServer(databaseUrl, 'checkpoint')
}

/** Records that a topic has got so far. */
export async function recordsIn({ connection }: Ground, topic: string): Promise<number> {
  return (await connection.admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0)
}
