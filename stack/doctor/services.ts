/** The services' part of the examination: those that are given are asked, private ones must be downloaded. */
import { existsSync } from 'node:fs'
import { reasonOf } from '#runtime/errors.ts'
import { apiVersions, isKafka4 } from '#runtime/kafka/api-versions.ts'
import { cacheFolder } from '../../bin/cache.mjs'
import { givenAddresses, VARIABLES } from '../addresses.ts'
import { ARTIFACTS } from '../artifacts.ts'
import type { Finding } from './finding.ts'
import { homeOf } from '../install.ts'
import { TITLES, type Part } from '../part.ts'
import { registryAnswers } from '../parts/registry.ts'

/** One answer of a service. */
export const DEADLINE_MS = 5_000

export async function findKafka(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const brokers = givenAddresses(env).kafka
  if (brokers === undefined) return [findDownload('kafka', env)]
  const finding = { part: TITLES.kafka, wanted: '4.0 or later' }
  try {
    const versions = await apiVersions(brokers.split(',')[0] ?? '', DEADLINE_MS)
    if (isKafka4(versions)) return [{ ...finding, state: 'ok', found: `${brokers} (4.0 or later)` }]
    return [{ ...finding, state: 'too-old', found: `${brokers} (before 4.0)`, remedy: 'Upgrade the brokers to Kafka 4.0 or later.' }]
  } catch (error) {
    return [unreachable('kafka', brokers, error)]
  }
}

export async function findRegistry(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const url = givenAddresses(env).registry
  if (url === undefined) return [findDownload('registry', env)]
  try {
    await registryAnswers(url, AbortSignal.timeout(DEADLINE_MS))
    return [{ part: TITLES.registry, state: 'ok', found: url }]
  } catch (error) {
    return [unreachable('registry', url, error)]
  }
}

export function findDownload(part: Part, env: NodeJS.ProcessEnv): Finding {
  const { title, megabytes } = ARTIFACTS[part]
  if (existsSync(homeOf(part, cacheFolder(env)))) return { part: TITLES[part], state: 'ok', found: `${title}, private` }
  return {
    part: TITLES[part], state: 'warning', wanted: title,
    remedy: `Nothing to do: ${megabytes} MB are downloaded at the first start, unless ${VARIABLES[part]} is given.`,
  }
}

export function unreachable(part: Part, address: string, error: unknown): Finding {
  return {
    part: TITLES[part], state: 'unreachable', found: `${address}: ${reasonOf(error)}`,
    remedy: `Start it, correct ${VARIABLES[part]}, or unset it to use a private one.`,
  }
}
