/**
 * A mutant is the product with one guard switched off. What its detector reports then is the proof that the guard is
 * needed, and that the tests can see it missing; a guard whose removal nothing notices is unneeded or untested.
 */
export interface Mutant {
  /** Short, in kebab case; names the guard. */
  name: string
  /** What is switched off. */
  guard: string
  /** What the guard keeps from happening. */
  needed: string
  file: string
  /** Stands in `file` exactly once. */
  find: string
  replace: string
  seenBy: Detector
}

export type Detector =
  /** Seeds of the simulation until one of them breaks an invariant. */
  | { by: 'simulation' }
  /** One test file; with a broker, registry and database of the stack when it asks for them. */
  | { by: 'test'; file: string; needsStack?: boolean }
  /** A round of the fault tests with real processes. */
  | { by: 'faults'; row: string; rounds: number }
  /** Strikes at the commit of the sink. */
  | { by: 'sink'; strikes: number }

/** The file's text with the guard switched off. @throws Error when the table is stale */
export function mutate(text: string, { name, file, find, replace }: Mutant): string {
  const times = text.split(find).length - 1
  if (times !== 1) throw new Error(`mutant ${name} is stale: what it replaces stands ${times} times in ${file}`)
  return text.replace(find, () => replace)
}
