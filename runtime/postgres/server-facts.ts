/** What a Postgres server says of itself that matters to a sink. Any role may ask. */
import type { Query } from './dictionary.ts'

/** A setting as pg_settings shows it to this session: with what the role, the database and the URL set. */
export interface ServerSetting {
  name: string
  /** In `unit`. */
  value: string
  /** As people write it, such as `4GB`. */
  shown: string
  /** `8kB`, `kB`, `MB`, `ms`, `s`, `min` …; null for what has none. */
  unit: string | null
  /** What a setting with a list of choices may be on this server; null for others. */
  choices: string[] | null
  /** `postmaster` is read at the start of the server only. */
  context: string
  /** Who set it: `default`, `configuration file`, `database`, `user`, `command line`, `client` … */
  source: string
  /** Changed in the file, and waiting for a restart. */
  pendingRestart: boolean
}

export interface ServerFacts {
  /** As `alter role` and `alter database` take them. */
  role: string
  database: string
  /** Of the extension in this database; null before the first migration. */
  vectorVersion: string | null
  /** Those that this server knows, by name. */
  settings: ReadonlyMap<string, ServerSetting>
}

const SELECT_SETTINGS = `
  select name, setting as value, current_setting(name, true) as shown, unit, enumvals as choices, context, source,
         pending_restart as "pendingRestart"
  from pg_settings where name = any($1)`

const SELECT_SURROUNDINGS = `
  select quote_ident(current_user) as role, quote_ident(current_database()) as database,
         (select extversion from pg_extension where extname = 'vector') as "vectorVersion"`

/** Two statements that change nothing. `names` that the server does not have are absent from the answer. */
export async function readServerFacts(query: Query, names: readonly string[]): Promise<ServerFacts> {
  const { rows: settings } = await query<ServerSetting>(SELECT_SETTINGS, [names])
  const { rows: [surroundings] } = await query<Omit<ServerFacts, 'settings'>>(SELECT_SURROUNDINGS)
  return { ...surroundings!, settings: new Map(settings.map((setting) => [setting.name, setting])) }
}
