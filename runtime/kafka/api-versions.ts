/** ApiVersions, the one request that every broker answers in version 0 whatever its age (KIP-35); kafkajs keeps the answer to itself. */
import { askBroker } from './plain-request.ts'

const API_VERSIONS = 18
const FETCH = 1
/** Kafka 4.0 dropped the versions of Fetch before 4 (KIP-896); no release before it did. */
const FETCH_LOWEST_OF_KAFKA_4 = 4

export interface VersionRange { lowest: number; highest: number }

/** The versions that a broker (host:port) speaks, by the number of the API. Rejects when it does not answer in time. */
export async function apiVersions(broker: string, deadlineMs: number): Promise<Map<number, VersionRange>> {
  return parseApiVersions(await askBroker(broker, { api: API_VERSIONS, version: 0, body: Buffer.alloc(0) }, deadlineMs))
}

/** Before 4.0 the end of one transaction may still be under way after its answer, and the take-over protocol does not hold (KIP-890). */
export function isKafka4(versions: Map<number, VersionRange>): boolean {
  return (versions.get(FETCH)?.lowest ?? 0) >= FETCH_LOWEST_OF_KAFKA_4
}

/** Correlation id, error, then a counted list of (API, lowest, highest). */
export function parseApiVersions(answer: Buffer): Map<number, VersionRange> {
  const error = answer.readInt16BE(4)
  if (error !== 0) throw new Error(`the broker answered with error ${error}`)
  const versions = new Map<number, VersionRange>()
  const count = answer.readInt32BE(6)
  for (let i = 0; i < count; i++) {
    const at = 10 + i * 6
    versions.set(answer.readInt16BE(at), { lowest: answer.readInt16BE(at + 2), highest: answer.readInt16BE(at + 4) })
  }
  return versions
}
