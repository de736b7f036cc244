/** What this machine has and lacks for running sluice: data only, for `sluice doctor` to show. */
import type { Finding } from './doctor/finding.ts'
import { findCache, findDisk, findNode, findPackages, findSandbox, findTools } from './doctor/machine.ts'
import { findPostgres } from './doctor/postgres.ts'
import { findKafka, findRegistry } from './doctor/services.ts'

export type { Finding } from './doctor/finding.ts'

export interface ExamineOptions {
  /** The stack's folder. */
  dir?: string
  /** Where KAFKA_BROKERS, SCHEMA_REGISTRY_URL and DATABASE_URL are looked up; what is not given counts as private. */
  env?: NodeJS.ProcessEnv
}

/**
 * Looks at everything sluice depends on, without changing or downloading anything; takes at most some seconds. The order
 * is that in which one would repair it: what later lines depend on comes first.
 */
export async function examine({ dir = '.sluice', env = process.env }: ExamineOptions = {}): Promise<Finding[]> {
  const findings = await Promise.all([
    findNode(), findTools(env), findPackages(), findSandbox(), findCache(env), findDisk(dir, env),
    findKafka(env), findRegistry(env), findPostgres(env),
  ])
  return findings.flat()
}
