/**
 * Settings of the server that matter to a sink: what is amiss, why, and how it is put right. They are told of and never
 * changed: the server may have other users, and what they need is not known here.
 */
import { Halt } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Query } from './dictionary.ts'
import { isAtLeast } from './migrate.ts'
import { readServerFacts, type ServerFacts, type ServerSetting } from './server-facts.ts'
import { RULES, type Profile, type Rule, type Severity } from './setting-rules.ts'

export type { Profile, Severity } from './setting-rules.ts'

/** One thing that is not as it should be. */
export interface SettingFinding {
  /** The setting, or `pgvector`. */
  name: string
  severity: Severity
  /** As people write it: `5min`. */
  found: string
  wanted: string
  /** One sentence: what it costs. */
  why: string
  /** One sentence, with the exact statement. */
  remedy: string
}

/** What is amiss for this profile, errors first. Changes nothing, and needs no rights. */
export async function examineServer(query: Query, profile: Profile): Promise<SettingFinding[]> {
  return judgeServer(await readServerFacts(query, RULES.map(({ setting }) => setting)), profile)
}

const ORDER: Record<Severity, number> = { error: 0, warning: 1, note: 2 }

/** Pure. A setting that the server does not have is not missed: older and newer servers have others. */
export function judgeServer(facts: ServerFacts, profile: Profile): SettingFinding[] {
  const findings = RULES.flatMap((rule) => {
    const setting = facts.settings.get(rule.setting)
    const severity = rule.severity[profile]
    return setting === undefined || severity === undefined || rule.isMet(setting) ? [] : [findingOf(rule, setting, severity, facts)]
  })
  return [...findings, ...judgeVector(facts)].sort((a, b) => ORDER[a.severity] - ORDER[b.severity])
}

function findingOf(rule: Rule, setting: ServerSetting, severity: Severity, facts: ServerFacts): SettingFinding {
  const { setting: name, wanted, why } = rule
  return { name, severity, found: setting.shown, wanted, why, remedy: rule.remedy ?? remedyOf(rule, setting, facts) }
}

/** Statements by where the present value comes from, since each place overrides those after it. */
function remedyOf({ advised }: Rule, setting: ServerSetting, { role, database }: ServerFacts): string {
  const { name, context, source, pendingRestart } = setting
  if (pendingRestart) return 'Restart the server: another value waits for it in its configuration.'
  const change = `set ${name} = '${typeof advised === 'string' ? advised : advised(setting)}'`
  switch (source) {
    case 'client': return `Take ${name} out of the options of DATABASE_URL.`
    case 'command line': return `Start the server with another ${name} on its command line.`
    case 'environment variable': return `Start the server with another ${name} in its environment.`
    case 'database user': return `Run \`alter role ${role} in database ${database} ${change}\`, and connect again.`
    case 'user': return `Run \`alter role ${role} ${change}\`, and connect again.`
    case 'database': return `Run \`alter database ${database} ${change}\`, and connect again.`
    default: return `As a superuser run \`alter system ${change}\`, then ${context === 'postmaster' ? 'restart the server' : '`select pg_reload_conf()`'}.`
  }
}

/** 0.8.2 to 0.8.4 mended a buffer overflow in parallel builds, corrupt indexes after vacuum, and inserts beside a vacuum. */
const SOUND_VECTOR = [0, 8, 4]

function judgeVector({ vectorVersion }: ServerFacts): SettingFinding[] {
  if (vectorVersion === null || isAtLeast(vectorVersion, SOUND_VECTOR)) return []
  return [{
    name: 'pgvector', severity: 'warning', found: vectorVersion, wanted: `${SOUND_VECTOR.join('.')} or later`,
    why: 'HNSW indexes can be damaged by a vacuum, or by being built by several workers.',
    remedy: 'Install a newer pgvector on the server, run `alter extension vector update`, and rebuild its HNSW indexes.',
  }]
}

export interface CheckOptions {
  profile: Profile
  /** Settings whose errors are accepted, as on a server for tests. */
  accepted: readonly string[]
  log: Log
}

const LEVELS = { error: 'error', warning: 'warn', note: 'info' } as const

/**
 * Logs what is amiss, a line each.
 * @throws Halt `postgres.unsafe-settings` when a promise of the sink would not hold
 */
export async function checkServer(query: Query, { profile, accepted, log }: CheckOptions): Promise<void> {
  const findings = await examineServer(query, profile)
  for (const finding of findings) {
    const { severity, ...told } = finding
    log[LEVELS[severity]](told, 'a setting of the server is not as the sink wants it')
  }
  const unsafe = findings.filter(({ name, severity }) => severity === 'error' && !accepted.includes(name))
  if (unsafe.length > 0) throw new Halt('postgres.unsafe-settings', unsafe.map(describe).join('\n'), remedyFor(unsafe))
}

function describe({ name, found, wanted, why }: SettingFinding): string {
  return `${name} is ${found} instead of ${wanted}: ${why}`
}

function remedyFor(unsafe: readonly SettingFinding[]): string {
  const names = unsafe.map(({ name }) => name).join(',')
  return `${unsafe.map(({ remedy }) => remedy).join(' ')} Or accept the risk by SLUICE_ACCEPT_SETTINGS=${names}.`
}
