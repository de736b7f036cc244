/** One Kafka node, broker and controller in one (KRaft). */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../command.ts'
import { cleanEnvironment } from '../environment.ts'
import { javaOptions, keepArchive } from '../java.ts'
import type { Place, Recipe } from '../recipe.ts'
import { kafkaAnswers } from './kafka-ready.ts'

export const kafka: Recipe = {
  part: 'kafka',
  ports: ['kafka', 'controller'],
  stopSignal: 'SIGTERM',
  marker: (place) => configPath(place),
  address: ({ ports }) => `127.0.0.1:${ports.kafka}`,
  async prepare(place) {
    await mkdir(folder(place), { recursive: true })
    await writeFile(configPath(place), renderConfig(place.ports, dataPath(place)))
    if (!existsSync(dataPath(place))) await format(place)
  },
  command: (place) => ({
    file: place.programs.java,
    args: [...javaOptions(place, 256, 384), ...logging(), '-cp', classPath(place), 'kafka.Kafka', configPath(place)],
  }),
  ready: (place, signal) => kafkaAnswers(kafka.address(place), signal),
  ended: keepArchive,
}

const folder = ({ dir }: Place): string => join(dir, 'kafka')
const configPath = (place: Place): string => join(folder(place), 'server.properties')
const dataPath = (place: Place): string => join(folder(place), 'data')

/** Spelled out and sorted: the order of `lib/*` is the file system's choice, and a class-data archive needs it fixed. */
function classPath({ home }: Place): string {
  return readdirSync(join(home, 'lib')).sort().map((name) => join(home, 'lib', name)).join(':')
}

function logging(): string[] {
  const settings = { defaultLogLevel: 'warn', logFile: 'System.out', showDateTime: 'true', dateTimeFormat: 'yyyy-MM-dd HH:mm:ss.SSS' }
  return Object.entries(settings).map(([name, value]) => `-Dorg.slf4j.simpleLogger.${name}=${value}`)
}

/** A data folder is formatted beside its place: one that exists is formatted whole, and never again. */
async function format(place: Place): Promise<void> {
  const fresh = `${dataPath(place)}.new`
  const config = `${configPath(place)}.new`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true })
  await writeFile(config, renderConfig(place.ports, fresh))
  const java = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', ...logging(), '-cp', classPath(place)]
  const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId(), '-c', config, '--standalone']
  await run(place.programs.java, [...java, ...format], { env: cleanEnvironment(process.env) })
  await rm(config)
  await rename(fresh, dataPath(place))
}

/** 16 random bytes, as Kafka writes its ids; one that began with '-' would be read as an option. */
function clusterId(): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? clusterId() : id
}

/**
 * Settings of a single node with transactions. Internal topics have 4 partitions instead of 50, which are most of a
 * broker's start and memory; indexes are preallocated files, so small ones; a topic may raise `max.message.bytes`. After
 * SIGKILL a broker is let in again when its old session has run out: with the default of 9 s it took 11.7 s to answer.
 */
export function renderConfig(ports: Readonly<Record<string, number>>, dataDir: string): string {
  const listeners = `PLAINTEXT://127.0.0.1:${ports.kafka},CONTROLLER://127.0.0.1:${ports.controller}`
  return render({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${ports.controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners,
    'advertised.listeners': listeners,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': dataDir,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'broker.heartbeat.interval.ms': 500,
    'broker.session.timeout.ms': 3_000,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000,
    'log.cleaner.dedupe.buffer.size': 2_097_152,
    'log.cleaner.backoff.ms': 1_000,
    'log.segment.bytes': 16_777_216,
    'log.index.size.max.bytes': 1_048_576,
    'message.max.bytes': 1_048_576,
  })
}

/** A properties file takes a backslash for an escape, and bytes for Latin-1: what is not ASCII is written by its number. */
function render(settings: Readonly<Record<string, string | number | boolean>>): string {
  const escape = (text: string): string => text.replaceAll('\\', '\\\\')
    .replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return Object.entries(settings).map(([name, value]) => `${name}=${escape(String(value))}\n`).join('')
}
