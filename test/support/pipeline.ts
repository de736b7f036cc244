/** The whole pipeline on the real stack, for a test file: its own topics, groups, database and folders. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProducer, type Producer } from '#client'
import { openCatalogue, type Catalogue } from '#client/catalogue.ts'
import { startStages, type Stages } from '#cli/stages.ts'
import { connectTopics } from '#cli/topics.ts'
import { loadConfig, type Config } from '#runtime/config.ts'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { applyTopics } from '#runtime/kafka/topic-apply.ts'
import { planTopics } from '#runtime/kafka/topic-plan.ts'
import { createLog, type Log } from '#runtime/log.ts'
import { migrate } from '#runtime/postgres/migrate.ts'
import { topology } from '#topology'
import { startStack } from '#stack/stack.ts'

const ROOT = join(import.meta.dirname, '..', '..')

export interface Pipeline {
  config: Config
  log: Log
  connection: KafkaConnection
  producer: Producer
  catalogue: Catalogue
  /** Where media for `file:` URIs may lie. */
  mediaDir: string
  /** Starts these stages, or all, in this process. */
  start(...names: string[]): Stages
  close(): Promise<void>
}

/**
 * A pipeline whose stages are not started yet. The stack is always its own: topics have one name each, so two
 * pipelines on one broker would be the same pipeline.
 */
export async function openPipeline(settings: Record<string, string> = {}): Promise<Pipeline> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-pipeline-'))
  const stack = await startStack({ dir, env: {} })
  const mediaDir = join(dir, 'media')
  const config = loadConfig({
    ...stack.env(), SLUICE_APP: `test-${randomUUID().slice(0, 8)}`, SLUICE_BLOBS: join(dir, 'blobs'), SLUICE_MODELS: join(dir, 'models'), SLUICE_STATE: join(dir, 'state'),
    SLUICE_FILE_ROOTS: dir, SLUICE_ALLOW_ADDRESSES: '127.0.0.0/8', ...settings,
  })
  const log = createLog('test', process.env['SLUICE_LOG_LEVEL'] ?? 'silent')
  const connection = await connectKafka({ brokers: config.kafkaBrokers, clientId: 'test' }, log)
  await prepare(config, connection)
  const producer = await createProducer({ brokers: config.kafkaBrokers, registry: config.registryUrl, blobsDir: config.blobsDir, source: 'test' })
  const catalogue = openCatalogue(config.databaseUrl)
  const groups: Stages[] = []
  return {
    config, log, connection, producer, catalogue, mediaDir,
    start(...names) {
      const stages = names.length > 0 ? names.map((name) => topology.stage(name)) : topology.stages
      const group = startStages(stages, { config, topology, log })
      groups.push(group)
      return group
    },
    async close() {
      await Promise.all(groups.map((group) => group.stop()))
      await producer.close()
      await catalogue.close()
      await connection.close()
      await stack.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function prepare(config: Config, connection: KafkaConnection): Promise<void> {
  const surroundings = connectTopics(config, connection)
  await applyTopics(await planTopics(topology, surroundings), surroundings)
  await migrate({ databaseUrl: config.databaseUrl, dir: join(ROOT, 'migrations') })
}
