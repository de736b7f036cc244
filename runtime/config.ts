/**
 * All settings that come from the environment: one table with name, default, unit and meaning. Nothing else reads
 * `process.env`. Policy that belongs to a stage (concurrency, retries, batches) is in the stage's declaration.
 */
import { Halt } from './errors.ts'
import { resolve } from 'node:path'

interface Setting<T> { env: string; default: string; doc: string; parse(text: string): T }

const text = (value: string): string => value
const list = (value: string): string[] => value.split(',').map((part) => part.trim()).filter((part) => part !== '')
const path = (value: string): string => (value === '' ? '' : resolve(value))

function integer(minimum: number, maximum: number) {
  return (value: string): number => {
    const number = Number(value)
    if (!Number.isInteger(number) || number < minimum || number > maximum) throw new Error(`must be a whole number from ${minimum} to ${maximum}`)
    return number
  }
}

function oneOf<const T extends string>(...choices: T[]) {
  return (value: string): T => {
    if (!choices.includes(value as T)) throw new Error(`must be one of ${choices.join(', ')}`)
    return value as T
  }
}

function setting<T>(env: string, fallback: string, parse: (value: string) => T, doc: string): Setting<T> {
  return { env, default: fallback, doc, parse }
}

export const SETTINGS = {
  kafkaBrokers: setting('KAFKA_BROKERS', '127.0.0.1:9092', list, 'Kafka bootstrap servers, comma-separated.'),
  registryUrl: setting('SCHEMA_REGISTRY_URL', 'http://127.0.0.1:8081', text, 'Schema registry, Confluent API, with its base path.'),
  databaseUrl: setting('DATABASE_URL', 'postgres://sluice@127.0.0.1:5432/sluice', text, 'Postgres with pgvector.'),
  app: setting('SLUICE_APP', 'sluice', text, 'Prefix of consumer groups and transactional ids.'),
  replicationFactor: setting('SLUICE_REPLICATION', '1', integer(1, 9), 'Replicas of each topic.'),
  blobsDir: setting('SLUICE_BLOBS', '.sluice/blobs', path, 'Folder of the blob store, shared by all stages.'),
  stateDir: setting('SLUICE_STATE', '.sluice/state', path, 'Folder of local copies of stages\' state; a cache, not shared between machines.'),
  modelsDir: setting('SLUICE_MODELS', '.sluice/models', path, 'Folder of installed models.'),
  model: setting('SLUICE_MODEL', 'descriptor-512', text, 'Id of the model that embed uses.'),
  inferenceThreads: setting('SLUICE_INFERENCE_THREADS', '0', integer(0, 256), 'Threads of the model; 0 lets onnxruntime choose.'),
  decoders: setting('SLUICE_DECODERS', '2', integer(1, 256), 'Decoder processes of normalize.'),
  fileRoots: setting('SLUICE_FILE_ROOTS', '', (value) => list(value).map(path), 'Folders from which file: URIs may be read; none by default.'),
  allowAddresses: setting('SLUICE_ALLOW_ADDRESSES', '', list, 'CIDR ranges that downloads may reach besides public addresses; none by default.'),
  maxDownloadBytes: setting('SLUICE_MAX_DOWNLOAD_BYTES', String(2 ** 31), integer(1, Number.MAX_SAFE_INTEGER), 'Largest file, bytes.'),
  downloadDeadlineMs: setting('SLUICE_DOWNLOAD_DEADLINE_MS', '300000', integer(100, 86_400_000), 'Longest download, milliseconds.'),
  sinkProfile: setting('SLUICE_SINK_PROFILE', 'latency', oneOf('latency', 'raid5'), 'Commit policy of the sink: latency (a row that comes alone is visible within some tens of milliseconds, under load within 250 ms) or raid5 (fewest writes: 20,000 to 100,000 rows a commit, or what came within a minute).'),
  acceptedSettings: setting('SLUICE_ACCEPT_SETTINGS', '', list, 'Settings of Postgres, comma-separated, that break a promise of the sink and are accepted: fsync on a server for tests.'),
  healthPort: setting('SLUICE_HEALTH_PORT', '0', integer(0, 65_535), 'Port of /healthz on loopback; 0 for none.'),
  healthHost: setting('SLUICE_HEALTH_HOST', '127.0.0.1', text, 'Address that /healthz listens on.'),
  otlpEndpoint: setting('OTEL_EXPORTER_OTLP_ENDPOINT', '', text, 'Base URL of an OTLP/HTTP collector; no spans are recorded without one.'),
  sessionTimeoutMs: setting('SLUICE_SESSION_TIMEOUT_MS', '10000', integer(6_000, 300_000), 'After this a silent process loses its partitions to another, milliseconds.'),
  failpoints: setting('SLUICE_FAILPOINTS', '', text, 'For fault tests: NAME:N:ACTION[,…], where a process is to die, stop, fail or hang.'),
  snapshotOffsets: setting('SLUICE_SNAPSHOT_OFFSETS', '200000', integer(1, 1_000_000_000), 'New entries of a changelog from which a stage\'s state is copied to SLUICE_STATE again; a restart reads what came since.'),
  logLevel: setting('SLUICE_LOG_LEVEL', 'warn', oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'), 'Least severe log lines written.'),
} as const

export type Config = Readonly<{ [K in keyof typeof SETTINGS]: ReturnType<(typeof SETTINGS)[K]['parse']> }>

/**
 * The compiled configuration. All violations are reported together.
 * @throws Halt `config.invalid`
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = []
  const entries = Object.entries(SETTINGS).map(([name, { env: variable, default: fallback, parse }]) => {
    try {
      return [name, parse(env[variable] || fallback)]
    } catch (error) {
      problems.push(`${variable} ${(error as Error).message}`)
      return [name, undefined]
    }
  })
  if (problems.length > 0) throw new Halt('config.invalid', problems.join('; '), 'Correct these environment variables.')
  return Object.freeze(Object.fromEntries(entries)) as Config
}

/** The environment of a process that is started with other settings. */
export function environmentWith(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...settings }
}
