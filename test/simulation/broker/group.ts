/**
 * A consumer group at its coordinator: eager rebalances, generations, sessions, and the committed offsets with those that
 * wait for the end of a transaction. GroupCoordinator of the classic protocol.
 */
import type { PartitionId, Position } from '#runtime/loop/ports.ts'
import { partitionKey } from '#runtime/loop/partition-key.ts'
import type { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import type { Coverage } from '../coverage.ts'
import type { Random } from '../random.ts'
import type { Trace } from '../trace.ts'
import { BrokerError } from './broker-error.ts'

export const SESSION_MS = 10_000
const REBALANCE_MS = 60_000

export interface Joined { memberId: string; generation: number; partitions: PartitionId[] }

interface Member {
  id: string
  lastSeenMs: number
  joining: ((joined: Joined) => void) | undefined
}

export interface GroupParts {
  name: string
  partitions: PartitionId[]
  clock: VirtualClock
  random: Random
  trace: Trace
  coverage: Coverage
  /** Called before a committed position takes effect. */
  committing(position: Position, previous: number | undefined, by: 'member' | 'transaction'): void
}

export class Group {
  readonly #parts: GroupParts
  readonly #members = new Map<string, Member>()
  readonly #offsets = new Map<string, number>()
  readonly #highest = new Map<string, number>()
  /** By producer id. */
  readonly #pending = new Map<number, { epoch: number; positions: Position[] }>()
  readonly #epochs = new Map<number, number>()
  #isPreparing = false
  #cancelPreparing = (): void => {}
  #nextMember = 1
  generation = 0

  constructor(parts: GroupParts) {
    this.#parts = parts
  }

  get name(): string {
    return this.#parts.name
  }

  /** @throws BrokerError UNKNOWN_MEMBER_ID */
  join(memberId: string | undefined): Promise<Joined> {
    if (memberId !== undefined && !this.#members.has(memberId)) throw new BrokerError('UNKNOWN_MEMBER_ID')
    const member = memberId === undefined ? this.#newMember() : this.#members.get(memberId)!
    member.lastSeenMs = this.#parts.clock.now()
    return new Promise((resolve) => {
      member.joining = resolve
      this.#prepare()
      this.#completeSoon()
    })
  }

  /** @throws BrokerError UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS */
  heartbeat(memberId: string, generation: number): void {
    this.#seen(memberId, generation)
    if (this.#isPreparing) throw new BrokerError('REBALANCE_IN_PROGRESS')
  }

  /** @throws BrokerError UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION */
  commit(memberId: string, generation: number, positions: Position[]): void {
    try {
      this.#seen(memberId, generation)
    } catch (error) {
      this.#parts.coverage.count('group.stale-commit')
      throw error
    }
    for (const position of positions) this.#set(position, 'member')
  }

  leave(memberId: string): void {
    if (this.#members.has(memberId)) this.#remove(memberId, 'left')
  }

  /** What OffsetFetch up to version 6 answers: pending offsets are not waited for. */
  committed(id: PartitionId): number | undefined {
    for (const { positions } of this.#pending.values()) {
      if (positions.some((position) => partitionKey(position) === partitionKey(id))) this.#parts.coverage.count('committed.pending-at-read')
    }
    return this.#offsets.get(partitionKey(id))
  }

  /** The furthest position that was ever committed: a commit that comes late may set the group back, which repeats work. */
  reached(id: PartitionId): number {
    return this.#highest.get(partitionKey(id)) ?? 0
  }

  /** @throws BrokerError INVALID_PRODUCER_EPOCH */
  commitInTransaction(producerId: number, epoch: number, positions: Position[]): void {
    if (epoch < (this.#epochs.get(producerId) ?? 0)) throw new BrokerError('INVALID_PRODUCER_EPOCH')
    this.#epochs.set(producerId, epoch)
    this.#pending.set(producerId, { epoch, positions: [...(this.#pending.get(producerId)?.positions ?? []), ...positions] })
  }

  endTransaction(producerId: number, epoch: number, marker: 'commit' | 'abort'): void {
    this.#epochs.set(producerId, epoch)
    const pending = this.#pending.get(producerId)
    this.#pending.delete(producerId)
    if (marker === 'commit') for (const position of pending?.positions ?? []) this.#set(position, 'transaction')
  }

  /** A coordinator that comes up again gives everyone a new session. */
  restarted(): void {
    for (const member of this.#members.values()) member.lastSeenMs = this.#parts.clock.now()
  }

  #newMember(): Member {
    const member: Member = { id: `${this.name}-${this.#nextMember++}`, lastSeenMs: this.#parts.clock.now(), joining: undefined }
    this.#members.set(member.id, member)
    this.#watch(member, SESSION_MS)
    return member
  }

  /** A member that waits for others to join is alive. */
  #watch(member: Member, ms: number): void {
    this.#parts.clock.after(ms, () => {
      if (this.#members.get(member.id) !== member) return
      const leftMs = member.lastSeenMs + SESSION_MS - this.#parts.clock.now()
      if (member.joining || leftMs > 0) return this.#watch(member, member.joining ? SESSION_MS : leftMs)
      this.#parts.coverage.count('group.session-expired')
      this.#remove(member.id, 'expired')
    })
  }

  #seen(memberId: string, generation: number): void {
    const member = this.#members.get(memberId)
    if (!member) throw new BrokerError('UNKNOWN_MEMBER_ID')
    if (generation !== this.generation) throw new BrokerError('ILLEGAL_GENERATION')
    member.lastSeenMs = this.#parts.clock.now()
  }

  #set(position: Position, by: 'member' | 'transaction'): void {
    const key = partitionKey(position)
    this.#parts.committing(position, this.#offsets.get(key), by)
    this.#offsets.set(key, position.offset)
    this.#highest.set(key, Math.max(position.offset, this.#highest.get(key) ?? 0))
    this.#parts.trace.note(`${this.name}: ${key} at ${position.offset}`)
  }

  #remove(memberId: string, why: string): void {
    this.#parts.trace.note(`${this.name}: ${memberId} ${why}`)
    this.#members.delete(memberId)
    this.#prepare()
    this.#completeSoon()
  }

  #prepare(): void {
    if (this.#isPreparing) return
    this.#isPreparing = true
    this.#parts.coverage.count('group.rebalance')
    this.#cancelPreparing = this.#parts.clock.after(REBALANCE_MS, () => this.#complete())
  }

  #completeSoon(): void {
    this.#parts.clock.after(this.#parts.random.between(5, 100), () => {
      if (this.#isPreparing && [...this.#members.values()].every(({ joining }) => joining)) this.#complete()
    })
  }

  #complete(): void {
    this.#cancelPreparing()
    this.#isPreparing = false
    for (const member of this.#members.values()) if (!member.joining) this.#members.delete(member.id)
    this.generation += 1
    const shares = this.#assign()
    this.#parts.trace.note(`${this.name}: generation ${this.generation}: ${[...shares].map(([id, own]) => `${id}=${own.map(partitionKey).join('+')}`).join(' ')}`)
    for (const [id, partitions] of shares) {
      const member = this.#members.get(id)!
      member.lastSeenMs = this.#parts.clock.now()
      member.joining!({ memberId: id, generation: this.generation, partitions })
      member.joining = undefined
    }
  }

  /** Round robin from a random first member: partitions move about more than with a sticky assigner. */
  #assign(): Map<string, PartitionId[]> {
    const { random, partitions } = this.#parts
    const ids = random.shuffle([...this.#members.keys()].sort())
    const shares = new Map(ids.map((id) => [id, [] as PartitionId[]]))
    const isEven = random.chance(0.8)
    partitions.forEach((id, at) => {
      if (ids.length > 0) shares.get(isEven ? ids[at % ids.length]! : random.pick(ids))!.push(id)
    })
    return shares
  }
}
