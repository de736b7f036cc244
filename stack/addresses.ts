/** The three addresses by which everything else finds the stack. */
import type { Part } from './part.ts'

export type Addresses = Readonly<Partial<Record<Part, string>>>

/** The variable that gives a part's address. */
export const VARIABLES: Readonly<Record<Part, string>> = {
  kafka: 'KAFKA_BROKERS',
  registry: 'SCHEMA_REGISTRY_URL',
  postgres: 'DATABASE_URL',
}

/** The parts that the environment already has, and where; an empty variable counts as absent. */
export function givenAddresses(env: NodeJS.ProcessEnv): Addresses {
  const entries = Object.entries(VARIABLES).map(([part, variable]) => [part, env[variable]])
  return Object.fromEntries(entries.filter(([, address]) => address)) as Addresses
}

/** The same as variables. */
export function asVariables(addresses: Addresses): Record<string, string> {
  const entries = Object.entries(addresses).map(([part, address]) => [VARIABLES[part as Part], address])
  return Object.fromEntries(entries) as Record<string, string>
}
