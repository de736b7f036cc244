/** The services' part of the examination: those that are given are asked, private ones must be downloaded. */
import { existsSync } from 'node:fs'
import pg from 'pg'
import { reasonOf } from '#runtime/errors.ts'
import { apiVersions, isKafka4 } from '#runtime/kafka/api-versions.ts'
import { cacheFolder } from '../../bin/cache.mjs'
import { givenAddresses, VARIABLES } from '../addresses.ts'
import { ARTIFACTS } from '../artifacts.ts'
import type { Finding } from './finding.ts'
import { homeOf } from '../install.ts'
import { TITLES, type Part } from '../part.ts'
import { registryAnswers } from '../parts/registry.ts'
import { isAtLeast } from '../tools.ts'

const DEADLINE_MS = 5_000
const POSTGRES_FLOOR = '15'
const PGVECTOR_FLOOR = '0.8'

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

export async function findPostgres(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const url = givenAddresses(env).postgres
  if (url === undefined) return [findDownload('postgres', env)]
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: DEADLINE_MS, query_timeout: DEADLINE_MS })
  client.on('error', () => undefined) // the query's own error says so
  try {
    await client.connect()
    const { rows } = await client.query<Versions>(VERSIONS)
    return judgePostgres(rows[0])
  } catch (error) {
    return [unreachable('postgres', withoutPassword(url), error)]
  } finally {
    await client.end().catch(() => undefined)
  }
}

interface Versions { server: string; vector: string | null }

const VERSIONS = `
  select current_setting('server_version') as server,
         (select coalesce(installed_version, default_version) from pg_available_extensions where name = 'vector') as vector`

function judgePostgres(versions: Versions | undefined): Finding[] {
  const server = versions?.server ?? '0'
  const vector = versions?.vector
  const extension = { part: 'pgvector', wanted: `${PGVECTOR_FLOOR} or later` }
  return [
    isAtLeast(server, POSTGRES_FLOOR)
      ? { part: TITLES.postgres, state: 'ok', found: server, wanted: `${POSTGRES_FLOOR} or later` }
      : { part: TITLES.postgres, state: 'too-old', found: server, wanted: `${POSTGRES_FLOOR} or later`, remedy: `Upgrade the server to ${POSTGRES_FLOOR} or later.` },
    vector == null
      ? { ...extension, state: 'missing', remedy: 'Install pgvector on the database server.' }
      : isAtLeast(vector, PGVECTOR_FLOOR)
        ? { ...extension, state: 'ok', found: vector }
        : { ...extension, state: 'too-old', found: vector, remedy: 'Upgrade pgvector, then run: alter extension vector update' },
  ]
}

function findDownload(part: Part, env: NodeJS.ProcessEnv): Finding {
  const { title, megabytes } = ARTIFACTS[part]
  if (existsSync(homeOf(part, cacheFolder(env)))) return { part: TITLES[part], state: 'ok', found: `${title}, private` }
  return {
    part: TITLES[part], state: 'warning', wanted: title,
    remedy: `Nothing to do: ${megabytes} MB are downloaded at the first start, unless ${VARIABLES[part]} is given.`,
  }
}

function unreachable(part: Part, address: string, error: unknown): Finding {
  return {
    part: TITLES[part], state: 'unreachable', found: `${address}: ${reasonOf(error)}`,
    remedy: `Start it, correct ${VARIABLES[part]}, or unset it to use a private one.`,
  }
}

function withoutPassword(url: string): string {
  return url.replace(/:[^:@/]*@/, ':***@')
}
