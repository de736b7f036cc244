/** The oracle of the fault tests: says of a finished round whether anything was lost, doubled or contradicted. */
import { judge } from './judge.ts'
import { readRound, type RoundWorld } from './read-round.ts'
import { headerOf, type Evidence, type TopicRecord, type Violation } from './evidence.ts'
import { installWitness } from './witness.ts'
import { EVENT_ID } from './ledger.ts'

export { INVARIANTS, type InvariantName, type Produced, type Violation } from './evidence.ts'
export type { RoundWorld } from './read-round.ts'

/** Call it once a round, when the sink's tables exist and before the first stage runs. */
export function prepareRound({ databaseUrl, databaseSchema }: RoundWorld): Promise<void> {
  return installWitness(databaseUrl, databaseSchema)
}

/**
 * Reads what the round left behind and judges it. The round must be over: what is still under way counts as lost. May be
 * called again.
 * @throws Error when the broker, the registry or Postgres cannot be read whole
 */
export async function checkRound(world: RoundWorld): Promise<{ violations: Violation[]; counts: Record<string, number> }> {
  const evidence = await readRound(world)
  return { violations: judge(evidence), counts: countsOf(evidence) }
}

function countsOf(evidence: Evidence): Record<string, number> {
  const { made, checked, judged, kept, failed, changelog, dead, aborted, rows, failures, moves } = evidence
  return {
    made: made.length, checked: checked.length, judged: judged.length, kept: kept.length, failed: failed.length, changelog: changelog.length,
    'dead.check': dead.check.length, 'dead.first': dead.first.length, 'dead.keep': dead.keep.length,
    rows: rows.length, failures: failures.length, aborted: aborted.length,
    'repeated.check': repeated(checked), 'repeated.first': repeated(judged), 'repeated.keep': repeated(kept) + repeated(failed),
    commits: new Set(moves.filter(({ from, to }) => from !== null && from !== to).map(({ transaction }) => transaction)).size,
    claims: moves.filter(({ epochBefore, epoch }) => epoch !== epochBefore).length,
  }
}

/** Records beyond the first of each event id. */
function repeated(records: readonly TopicRecord[]): number {
  return records.length - new Set(records.map((record) => headerOf(record, EVENT_ID))).size
}
