/** Whether a broker does its work, asked by its own protocol; an open port says little. */
import { Kafka, logLevel } from '#runtime/kafka/patches.ts'
import { until, within } from '../wait.ts'

/** An idempotent producer must have some; the patience is in `until`. */
const FEW = { retries: 2, initialRetryTime: 40, maxRetryTime: 80 }

/** The transactional id of the question; asking changes nothing but this id's epoch. */
const PROBE = 'sluice-stack-probe'

/**
 * Resolves when Metadata lists a broker and the transaction coordinator answers InitProducerId: then the internal
 * topics exist, and the first transaction of a stage does not wait for them.
 */
export async function kafkaAnswers(brokers: string, signal: AbortSignal): Promise<void> {
  const kafka = new Kafka({
    clientId: 'sluice-stack', brokers: brokers.split(','), logLevel: logLevel.NOTHING,
    connectionTimeout: 2_000, requestTimeout: 5_000, retry: FEW,
  })
  await until(() => listsBroker(kafka), signal)
  await until(() => beginsTransaction(kafka), signal)
}

async function listsBroker(kafka: Kafka): Promise<true | undefined> {
  const admin = kafka.admin()
  try {
    await admin.connect()
    return (await admin.describeCluster()).brokers.length > 0 ? true : undefined
  } finally {
    await within(admin.disconnect(), 1_000)
  }
}

async function beginsTransaction(kafka: Kafka): Promise<true> {
  const producer = kafka.producer({ transactionalId: PROBE, idempotent: true, maxInFlightRequests: 1, retry: FEW })
  try {
    await producer.connect()
    await (await producer.transaction()).abort()
    return true
  } finally {
    await within(producer.disconnect(), 1_000)
  }
}
