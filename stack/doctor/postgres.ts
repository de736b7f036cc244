/** Postgres's part of the examination: the server, pgvector, and the settings that matter to the sink. */
import pg from 'pg'
import { examineServer, type Profile, type SettingFinding } from '#runtime/postgres/server-settings.ts'
import { givenAddresses } from '../addresses.ts'
import type { Finding } from './finding.ts'
import { TITLES } from '../part.ts'
import { isAtLeast } from '../tools.ts'
import { DEADLINE_MS, findDownload, unreachable } from './services.ts'

const POSTGRES_FLOOR = '15'
const PGVECTOR_FLOOR = '0.8'

/** A private server has settings of ours; one that is given is asked. */
export async function findPostgres(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const url = givenAddresses(env).postgres
  if (url === undefined) return [findDownload('postgres', env)]
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: DEADLINE_MS, query_timeout: DEADLINE_MS })
  client.on('error', () => undefined) // the query's own error says so
  try {
    await client.connect()
    const { rows } = await client.query<Versions>(VERSIONS)
    const amiss = await examineServer((text, values = []) => client.query(text, values), profileOf(env))
    return [...judgeVersions(rows[0]), ...settingFindings(amiss, profileOf(env))]
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

function judgeVersions(versions: Versions | undefined): Finding[] {
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

const STATES = { error: 'unsafe', warning: 'warning', note: 'note' } as const

/** A line for each that is amiss; one line when nothing is. */
export function settingFindings(amiss: readonly SettingFinding[], profile: Profile): Finding[] {
  const findings = amiss.map(({ name, severity, found, wanted, why, remedy }): Finding => ({ part: `${TITLES.postgres}: ${name}`, state: STATES[severity], found, wanted, why, remedy }))
  return findings.length > 0 ? findings : [{ part: `${TITLES.postgres}: settings`, state: 'ok', found: `as the sink wants them, profile ${profile}` }]
}

/** What the stage would refuse as a setting of its own is no matter of the server's. */
function profileOf(env: NodeJS.ProcessEnv): Profile {
  return env.SLUICE_SINK_PROFILE === 'raid5' ? 'raid5' : 'latency'
}

function withoutPassword(url: string): string {
  return url.replace(/:[^:@/]*@/, ':***@')
}
