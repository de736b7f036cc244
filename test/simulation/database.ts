/**
 * Postgres as the sink knows it: sessions with transactions and row locks, the table `sink_progress`, rows with a primary
 * key, failures, and the server's own timeouts. It understands the statements of `runtime/postgres/progress.ts`, so that
 * the guards in that file are those that run; SQL itself is not run here.
 */
import type { Failure, PartitionId } from '#runtime/loop/ports.ts'
import type { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import type { Coverage } from './coverage.ts'
import { DatabaseError, Session } from './database-session.ts'
import type { Server } from './network.ts'
import type { Trace } from './trace.ts'
import type { KeptRow } from './workload/topology.ts'

export interface ProgressRow extends PartitionId { next_offset: string; owner_epoch: string; owner: string; session: Session }

export interface Change { partition: PartitionId; from: number; to: number }

/** What is told of each transaction that takes effect. */
export interface DatabaseWitness {
  claimed(owner: string, partitions: PartitionId[]): void
  committed(owner: string, changes: Change[], rows: KeptRow[], failures: Failure[]): void
}

const LOCK_TIMEOUT_MS = 15_000

interface Lock { holder: Session; waiting: { session: Session; grant(): void }[] }

export class Database implements Server {
  readonly name = 'database'
  isDown = false
  readonly progress = new Map<string, ProgressRow>()
  readonly rows = new Map<string, KeptRow>()
  readonly failures = new Map<string, Failure>()
  readonly sessions = new Set<Session>()
  readonly locks = new Map<string, Lock>()
  readonly clock: VirtualClock
  readonly trace: Trace
  readonly coverage: Coverage
  readonly witness: DatabaseWitness

  constructor(parts: { clock: VirtualClock; trace: Trace; coverage: Coverage; witness: DatabaseWitness }) {
    this.clock = parts.clock
    this.trace = parts.trace
    this.coverage = parts.coverage
    this.witness = parts.witness
  }

  connect(owner: string): Session {
    const session = new Session(this, owner)
    this.sessions.add(session)
    return session
  }

  /** All sessions end; what was not committed is gone. */
  stop(): void {
    this.isDown = true
    for (const session of [...this.sessions]) session.end('the server stopped')
  }

  async lock(key: string, session: Session): Promise<void> {
    const lock = this.locks.get(key)
    if (!lock) this.locks.set(key, { holder: session, waiting: [] })
    else if (lock.holder !== session) await this.#wait(lock, session)
  }

  release(session: Session): void {
    for (const [key, lock] of this.locks) {
      lock.waiting = lock.waiting.filter((waiter) => waiter.session !== session)
      if (lock.holder !== session) continue
      const next = lock.waiting.shift()
      if (!next) this.locks.delete(key)
      else {
        lock.holder = next.session
        next.grant()
      }
    }
  }

  #wait(lock: Lock, session: Session): Promise<void> {
    this.coverage.count('database.lock-wait')
    return new Promise((resolve, reject) => {
      const cancel = this.clock.after(LOCK_TIMEOUT_MS, () => {
        lock.waiting = lock.waiting.filter((waiter) => waiter.session !== session)
        this.coverage.count('database.lock-timeout')
        reject(new DatabaseError('55P03', 'canceling statement due to lock timeout'))
      })
      lock.waiting.push({ session, grant: () => [cancel(), resolve()] })
    })
  }
}
