/** The connection to Kafka that a process's sources and outboxes share. */
import { CompressionTypes, Kafka, logLevel, type Admin, type LogEntry } from './patches.ts'
import { Halt } from '../errors.ts'
import type { Log } from '../log.ts'
import { registerCodecs } from './compression.ts'

export interface KafkaConnection {
  kafka: Kafka
  /** One connected admin client, shared. */
  admin: Admin
  close(): Promise<void>
}

export interface KafkaSettings {
  brokers: readonly string[]
  clientId: string
}

export const COMPRESSION = CompressionTypes.ZSTD

/** @throws Halt `kafka.unreachable` when no broker answers */
export async function connectKafka(settings: KafkaSettings, log: Log): Promise<KafkaConnection> {
  const kafka = createKafka(settings, log)
  const admin = kafka.admin({ retry: { retries: 4 } })
  try {
    await admin.connect()
  } catch (error) {
    throw new Halt('kafka.unreachable', `No broker answered at ${settings.brokers.join(', ')}.`,
      'Start Kafka, or set KAFKA_BROKERS; `sluice doctor` shows what is missing.', { cause: error })
  }
  return { kafka, admin, close: () => admin.disconnect() }
}

function createKafka(settings: KafkaSettings, log: Log): Kafka {
  registerCodecs()
  return new Kafka({
    brokers: [...settings.brokers],
    clientId: settings.clientId,
    connectionTimeout: 3_000,
    requestTimeout: 30_000,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: 50, maxRetryTime: 2_000, retries: 8 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => forward(entry, log),
  })
}

/**
 * kafkajs logs as errors what it then retries, such as CONCURRENT_TRANSACTIONS after each commit: those are its own
 * business, and debug here. What matters reaches us as an error or as a crash event.
 */
function forward({ namespace, level, log: { message, error } }: LogEntry, log: Log): void {
  log.debug({ kafkajs: namespace, level, error: typeof error === 'string' ? error : undefined }, message)
}
