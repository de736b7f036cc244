/** Compatibility rules of registry subjects, over the Confluent API: the registry client has no calls for them. */
import { Halt, RetryLater, reasonOf } from '../errors.ts'

export const COMPATIBILITY = 'BACKWARD_TRANSITIVE'

export interface CompatibilityRules {
  /** The subject's own level; undefined when it has none and the registry's default counts. */
  levelOf(subject: string): Promise<string | undefined>
  setLevel(subject: string): Promise<void>
  /** Why the registry would refuse the schema beside every version of the subject; empty when it would not. */
  problemsOf(subject: string, schema: object): Promise<string[]>
  /**
   * Resolves when the registry has refused an incompatible schema. Apicurio, for one, answers every question about
   * compatibility and enforces nothing until a rule is set.
   * @throws Halt `registry.not-enforcing`
   */
  proveEnforced(): Promise<void>
}

/** Stays in the registry, since deletion is off by default in some. */
const PROOF_SUBJECT = 'sluice.compatibility-proof'
const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json'
const DEADLINE_MS = 15_000

const proofSchema = (field: string): object => ({ type: 'record', name: 'Proof', namespace: 'sluice', fields: [{ name: field, type: 'string' }] })

interface Answer { status: number; body: unknown }

/** Rules of the registry at this base URL; every call may throw RetryLater `registry.unreachable`. */
export function connectCompatibility(registryUrl: string): CompatibilityRules {
  const ask = (method: string, path: string, body?: object): Promise<Answer> => request(`${registryUrl.replace(/\/$/, '')}${path}`, method, body)
  const setLevel = async (subject: string): Promise<void> => {
    expectOk(await ask('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility: COMPATIBILITY }), `set the compatibility of ${subject}`)
  }
  const register = (field: string): Promise<Answer> => ask('POST', `/subjects/${PROOF_SUBJECT}/versions`, wrap(proofSchema(field)))
  return {
    setLevel,
    levelOf: async (subject) => levelIn(await ask('GET', `/config/${encodeURIComponent(subject)}`)),
    problemsOf: async (subject, schema) => problemsIn(await ask('POST', `/compatibility/subjects/${encodeURIComponent(subject)}/versions?verbose=true`, wrap(schema))),
    async proveEnforced() {
      expectOk(await register('first'), 'register a schema')
      await setLevel(PROOF_SUBJECT)
      const { status } = await register('second')
      if (status === 409 || status === 422) return
      throw new Halt('registry.not-enforcing', `The registry took an incompatible schema (HTTP ${status}).`,
        `Use a registry that enforces ${COMPATIBILITY}: without it one bad release makes old records unreadable.`)
    },
  }
}

const wrap = (schema: object): object => ({ schema: JSON.stringify(schema), schemaType: 'AVRO' })

async function request(url: string, method: string, body?: object): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method, headers: { accept: CONTENT_TYPE, 'content-type': CONTENT_TYPE }, signal: AbortSignal.timeout(DEADLINE_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: parsed(text) }
  } catch (error) {
    throw new RetryLater('registry.unreachable', `The schema registry did not answer: ${reasonOf(error)}`, { cause: error })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function levelIn({ status, body }: Answer): string | undefined {
  if (status === 404) return undefined
  expectOk({ status, body }, 'read the compatibility level')
  const { compatibilityLevel, compatibility } = body as { compatibilityLevel?: string; compatibility?: string }
  return compatibilityLevel ?? compatibility
}

/** A subject without versions takes anything. */
function problemsIn({ status, body }: Answer): string[] {
  if (status === 404) return []
  expectOk({ status, body }, 'check compatibility')
  const { is_compatible: isCompatible, messages } = body as { is_compatible?: boolean; messages?: string[] }
  if (isCompatible !== false) return []
  return messages?.length ? messages : ['the registry gives no reason']
}

function expectOk({ status, body }: Answer, what: string): void {
  if (status >= 200 && status < 300) return
  throw new RetryLater('registry.unreachable', `The schema registry would not ${what} (HTTP ${status}): ${JSON.stringify(body).slice(0, 200)}`)
}
