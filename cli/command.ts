/** What all commands share. */
import type { Command } from 'commander'
import type { Config } from '#runtime/config.ts'
import type { KafkaConnection } from '#runtime/kafka/client.ts'
import type { Log } from '#runtime/log.ts'
import { loadEnvFile } from './env-file.ts'
import { Screen, type ScreenOptions } from './screen.ts'

/** A command whose answers can be had as JSON. */
export function withScreen(command: Command): Command {
  return command.option('--json', 'answer in JSON, one value a line').option('--quiet', 'no progress on standard error').exitOverride()
}

export function screenOf(command: Command): Screen {
  return new Screen(command.optsWithGlobals<ScreenOptions>())
}

/** The settings; addresses that the environment leaves open are those of the private stack, when one is kept running. */
export async function settings(): Promise<Config> {
  loadEnvFile()
  const { loadConfig } = await import('#runtime/config.ts')
  return loadConfig()
}

export async function openLog(config: Pick<Config, 'logLevel'>): Promise<Log> {
  const { createLog } = await import('#runtime/log.ts')
  return createLog('sluice', config.logLevel)
}

/** Runs `work` with a connection to Kafka that is closed afterwards. */
export async function withKafka<T>(config: Config, log: Log, work: (connection: KafkaConnection) => Promise<T>): Promise<T> {
  const { connectKafka } = await import('#runtime/kafka/client.ts')
  const connection = await connectKafka({ brokers: config.kafkaBrokers, clientId: 'sluice-cli' }, log)
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}
