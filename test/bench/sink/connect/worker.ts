/** Kafka Connect, standalone, with one JDBC sink. */
import { spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lastLines } from '#stack/command.ts'
import { choosePorts } from '#stack/ports.ts'
import type { Ground } from '../ground.ts'
import type { ConnectPrograms } from './install.ts'

/** Records of one poll, and of one transaction. */
const BATCH = 5_000
const HEAP_MB = 2_048
const STOP_MS = 20_000

export interface Task {
  /** Also the group's. */
  name: string
  topic: string
  table: string
  databaseUrl: string
  tasks: number
}

export interface Worker {
  pid: number
  /** Undefined while it runs; else why it ended. */
  ended(): string | undefined
  stop(): Promise<void>
}

export async function startWorker(programs: ConnectPrograms, ground: Ground, task: Task): Promise<Worker> {
  const dir = join(ground.dir, task.name)
  await mkdir(dir, { recursive: true })
  const { rest = 0 } = await choosePorts(['rest'])
  await writeFile(join(dir, 'worker.properties'), properties(workerSettings(programs, ground, dir, rest)))
  await writeFile(join(dir, 'sink.properties'), properties(sinkSettings(task)))
  const log = join(dir, 'log')
  const out = openSync(log, 'a')
  const child = spawn(programs.java, [
    `-Xms${HEAP_MB}m`, `-Xmx${HEAP_MB}m`, '-Duser.timezone=UTC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', `-Djava.io.tmpdir=${dir}`,
    '-cp', programs.classPath, 'org.apache.kafka.connect.cli.ConnectStandalone', join(dir, 'worker.properties'), join(dir, 'sink.properties'),
  ], { stdio: ['ignore', out, out] })
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return {
    pid: child.pid!,
    ended() {
      const text = readFileSync(log, 'utf8')
      const failed = child.exitCode !== null || child.signalCode !== null || text.includes('being killed and will not recover')
      return failed ? lastLines(text, 60) : undefined
    },
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await closed
      clearTimeout(timer)
    },
  }
}

type Settings = Readonly<Record<string, string | number | boolean>>

function workerSettings({ plugins }: ConnectPrograms, { config, registryUrl }: Ground, dir: string, restPort: number): Settings {
  return {
    'bootstrap.servers': config.kafkaBrokers.join(','),
    'listeners': `http://127.0.0.1:${restPort}`,
    'plugin.path': plugins,
    'offset.storage.file.filename': join(dir, 'offsets'),
    'offset.flush.interval.ms': 10_000,
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'io.apicurio.registry.utils.converter.AvroConverter',
    'value.converter.apicurio.registry.url': new URL('/apis/registry/v2', registryUrl).href,
    // One zero byte and four of the id, as our records have them.
    'value.converter.apicurio.registry.as-confluent': true,
    'value.converter.apicurio.registry.use-id': 'contentId',
    'consumer.auto.offset.reset': 'earliest',
    'consumer.max.poll.records': BATCH,
    'consumer.max.partition.fetch.bytes': 8 << 20,
    'consumer.fetch.max.bytes': 64 << 20,
    'consumer.receive.buffer.bytes': -1,
  }
}

function sinkSettings({ name, topic, table, databaseUrl, tasks }: Task): Settings {
  const { hostname, port, pathname, username } = new URL(databaseUrl)
  return {
    name,
    'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
    'tasks.max': tasks,
    topics: topic,
    // Without it the driver sends one INSERT a row.
    'connection.url': `jdbc:postgresql://${hostname}:${port}${pathname}?reWriteBatchedInserts=true`,
    'connection.username': username,
    'connection.password': 'none is asked for',
    'connection.pool.min_size': tasks,
    'connection.pool.max_size': 4 * tasks,
    'table.name.format': table,
    'insert.mode': 'insert',
    'primary.key.mode': 'none',
    'schema.evolution': 'none',
    'batch.size': BATCH,
    'use.time.zone': 'UTC',
  }
}

function properties(settings: Settings): string {
  return Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join('')
}
