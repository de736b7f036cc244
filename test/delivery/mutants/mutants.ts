/** The guards of the runtime, each with the edit that switches it off, in the order of the flow. */
import type { Mutant } from './mutant.ts'
import { READING } from './mutants-of-reading.ts'
import { SINK } from './mutants-of-sinks.ts'
import { STATEFUL } from './mutants-of-stateful.ts'
import { STATELESS } from './mutants-of-stateless.ts'

export const MUTANTS: readonly Mutant[] = [...READING, ...STATELESS, ...STATEFUL, ...SINK]
