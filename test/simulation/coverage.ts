/** How often each kind of fault, failpoint and rare event came to pass: a simulation that hits nothing shows nothing. */
import { FAILPOINTS } from '#runtime/failpoints.ts'

/** Every one of these must come to pass over enough seeds. */
export const EXPECTED: readonly string[] = [
  ...FAILPOINTS.map((name) => `failpoint.${name}`),
  'action.kill', 'action.stop', 'action.throw', 'action.hang',
  'network.request-lost', 'network.reply-lost', 'network.late',
  'network.reply-lost.end-transaction', 'network.late.end-transaction', 'network.reply-lost.sql.commit', 'network.request-lost.sql.commit', 'network.late.sql.commit', 'network.reply-lost.produce',
  'fault.crash', 'fault.freeze', 'fault.graceful-restart', 'fault.cut', 'fault.broker-restart', 'fault.database-restart', 'fault.end-backend', 'fault.join-storm',
  'group.session-expired', 'group.stale-commit', 'group.rebalance',
  'transaction.aborted', 'transaction.fenced-open', 'transaction.timed-out', 'transaction.late-end-refused', 'transaction.overlapping-aborts',
  'read.aborted-filtered', 'read.starts-inside-aborted', 'committed.pending-at-read',
  'database.lock-wait', 'database.lock-timeout', 'database.idle-ended', 'database.owner-ended', 'database.refused-row', 'database.repeated-row', 'sink.fenced',
  'sink.batch.full', 'sink.batch.old', 'sink.batch.lull', 'sink.batch.end',
  'process.frozen-over-session', 'outbox.written-twice', 'outbox.partly-written', 'poison', 'four-zero-key', 'snapshot.saved', 'snapshot.loaded', 'registry.unreachable',
]

export class Coverage {
  readonly counts = new Map<string, number>()

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by)
  }

  add(other: Iterable<[string, number]>): void {
    for (const [what, count] of other) this.count(what, count)
  }

  missing(): string[] {
    return EXPECTED.filter((what) => !this.counts.get(what))
  }

  toString(): string {
    return [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([what, count]) => `${what} ${count}`).join(', ')
  }
}
