/**
 * A group's member as `KafkaSource` is one: partitions are paused at a join and read only once the listener has said
 * where to start; a batch that was fetched before a seek, a pause or a rebalance is dropped; the heartbeats go on
 * whatever the listener does.
 */
import type { Clock } from '#runtime/clock.ts'
import { Halt, verdictOf } from '#runtime/errors.ts'
import { Membership } from '#runtime/kafka/membership.ts'
import { partitionKey } from '#runtime/loop/partition-key.ts'
import type { PartitionId, Position, Source, SourceListener } from '#runtime/loop/ports.ts'
import { BrokerError } from '../broker/broker-error.ts'
import type { Broker } from '../broker/broker.ts'
import { SESSION_MS, type Group, type Joined } from '../broker/group.ts'
import type { Fetched } from '../broker/partition-log.ts'
import type { Coverage } from '../coverage.ts'
import type { Network } from '../network.ts'
import type { Random } from '../random.ts'
import type { SimulatedProcess } from '../simulated-process.ts'
import type { Read } from './reader.ts'

const HEARTBEAT_MS = 2_000
const MAX_WAIT_MS = 2_000
const JOIN_TIMEOUT_MS = 70_000
const RETRY_MS = 300

export interface SimulatedSourceParts {
  process: SimulatedProcess
  network: Network
  broker: Broker
  group: Group
  random: Random
  coverage: Coverage
  read: Read
}

interface Assignment extends Joined { positions: Map<string, Position>; ready: Set<string> }

export class SimulatedSource implements Source {
  readonly #parts: SimulatedSourceParts
  readonly #clock: Clock
  readonly #membership: Membership
  readonly #paused = new Set<string>()
  #listener: SourceListener | undefined
  #held: PartitionId[] = []
  #assignment: Assignment | undefined
  #memberId: string | undefined
  #isJoining = false
  #heldAs: string | undefined
  #isStopped = false
  #stopHeartbeat = (): void => {}
  #wakeFetch = (): void => {}
  #wakeLoop = (): void => {}

  constructor(parts: SimulatedSourceParts) {
    this.#parts = parts
    this.#clock = parts.process.clock
    this.#membership = new Membership(this.#clock, SESSION_MS)
  }

  async start(listener: SourceListener): Promise<void> {
    this.#listener = listener
    this.#stopHeartbeat = this.#clock.every(HEARTBEAT_MS, () => void this.#heartbeat())
    void this.#join()
  }

  pause(partitions: PartitionId[]): void {
    for (const id of partitions) this.#paused.add(partitionKey(id))
  }

  resume(partitions: PartitionId[]): void {
    for (const id of partitions) this.#paused.delete(partitionKey(id))
    this.#wake()
  }

  seek(position: Position): void {
    const { topic, partition, offset } = position
    this.#assignment?.positions.set(partitionKey(position), { topic, partition, offset })
    this.#wake()
  }

  committed(partitions: PartitionId[]): Promise<Position[]> {
    return this.#ask('offset-fetch', () => partitions.flatMap((id) => {
      const offset = this.#parts.group.committed(id)
      return offset === undefined ? [] : [{ topic: id.topic, partition: id.partition, offset }]
    }))
  }

  /** Rejects when this member is not of the group's generation. */
  async commit(positions: Position[]): Promise<void> {
    const { memberId, generation } = this.#assignment!
    await this.#ask('offset-commit', () => this.#parts.group.commit(memberId, generation, positions))
  }

  holds(id: PartitionId): boolean {
    return this.#membership.holds(id)
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#stopHeartbeat()
    this.#wake()
    const memberId = this.#memberId
    if (memberId !== undefined) await this.#ask('leave', () => this.#parts.group.leave(memberId)).catch(() => {})
  }

  get memberId(): string | undefined {
    return this.#memberId
  }

  // The group

  async #heartbeat(): Promise<void> {
    const assignment = this.#assignment
    if (!assignment || this.#isJoining || this.#isStopped) return
    const sentMs = this.#clock.monotonicMs()
    try {
      await this.#ask('heartbeat', () => this.#parts.group.heartbeat(assignment.memberId, assignment.generation))
      if (this.#assignment === assignment) this.#membership.heard(this.#clock.monotonicMs() - sentMs)
    } catch (error) {
      if (error instanceof BrokerError && this.#assignment === assignment && !this.#isJoining) await this.#join()
    }
  }

  async #join(): Promise<void> {
    this.#isJoining = true
    this.#membership.unsettled()
    while (!this.#isStopped) {
      try {
        const joined = await this.#ask('join', () => this.#parts.group.join(this.#memberId), JOIN_TIMEOUT_MS)
        if (this.#isStopped) return
        this.#memberId = joined.memberId
        this.#isJoining = false
        return this.#joined(joined)
      } catch (error) {
        if (error instanceof BrokerError) this.#memberId = undefined
        await this.#clock.sleep(RETRY_MS)
      }
    }
  }

  /** A member that was taken for dead gives up all that it held. */
  #joined(joined: Joined): void {
    const revoked = this.#held.filter((held) => joined.memberId !== this.#heldAs || !joined.partitions.some((id) => partitionKey(id) === partitionKey(held)))
    const assignment: Assignment = { ...joined, positions: new Map(), ready: new Set() }
    this.#held = joined.partitions
    this.#heldAs = joined.memberId
    this.#membership.settled(joined.partitions)
    this.#membership.heard(0)
    this.#assignment = assignment
    this.#wakeFetch()
    this.pause(joined.partitions)
    if (revoked.length > 0) this.#listener!.revoked(revoked)
    void this.#begin(assignment)
    void this.#fetchLoop(assignment)
  }

  async #begin(assignment: Assignment): Promise<void> {
    while (this.#assignment === assignment && !this.#isStopped) {
      try {
        const chosen = await this.#listener!.assigned(assignment.partitions)
        const others = assignment.partitions.filter((id) => !chosen.some((position) => partitionKey(position) === partitionKey(id)))
        const committed = others.length > 0 ? await this.committed(others) : []
        if (this.#assignment !== assignment) return
        for (const position of [...others.map((id) => ({ ...id, offset: 0 })), ...committed, ...chosen]) this.seek(position)
        for (const id of assignment.partitions) assignment.ready.add(partitionKey(id))
        return this.resume(assignment.partitions)
      } catch (error) {
        if (verdictOf(error) instanceof Halt) return this.#listener!.failed(error as Error)
        await this.#clock.sleep(RETRY_MS)
      }
    }
  }

  // Fetching

  async #fetchLoop(assignment: Assignment): Promise<void> {
    const isCurrent = (): boolean => this.#assignment === assignment && !this.#isStopped
    while (isCurrent()) {
      const wanted = [...assignment.positions.values()].filter((id) => assignment.ready.has(partitionKey(id)) && !this.#paused.has(partitionKey(id)))
      if (wanted.length === 0) {
        await new Promise<void>((resolve) => (this.#wakeLoop = resolve))
        continue
      }
      try {
        const fetched = await this.#fetch(wanted)
        if (isCurrent()) this.#deliver(assignment, wanted, fetched)
      } catch {
        await this.#clock.sleep(RETRY_MS)
      }
    }
  }

  #fetch(wanted: Position[]): Promise<Map<string, Fetched>> {
    const limit = this.#parts.random.between(1, 30)
    return this.#ask('fetch', () => this.#parts.broker.fetch(wanted, limit, MAX_WAIT_MS, (wake) => (this.#wakeFetch = wake)))
  }

  #deliver(assignment: Assignment, wanted: Position[], fetched: Map<string, Fetched>): void {
    for (const position of wanted) {
      const key = partitionKey(position)
      const batch = fetched.get(key)!
      const isStale = assignment.positions.get(key) !== position || this.#paused.has(key)
      if (isStale || batch.entries.length === 0) continue
      const records = this.#read(batch, position.offset)
      assignment.positions.set(key, { topic: position.topic, partition: position.partition, offset: batch.next })
      if (records.length > 0) this.#listener!.records({ topic: position.topic, partition: position.partition }, records)
    }
  }

  #read(batch: Fetched, offset: number): ReturnType<Read> {
    const records = this.#parts.read(batch, offset)
    if (batch.aborted.some(({ firstOffset }) => Number(firstOffset) < offset)) this.#parts.coverage.count('read.starts-inside-aborted')
    if (batch.aborted.length > 0 && records.length < batch.entries.length) this.#parts.coverage.count('read.aborted-filtered')
    return records
  }

  #wake(): void {
    this.#wakeLoop()
    this.#wakeFetch()
  }

  #ask<T>(name: string, arrive: () => T | Promise<T>, timeoutMs?: number): Promise<T> {
    return this.#parts.network.request(this.#parts.process, { name, server: this.#parts.broker, arrive, ...(timeoutMs === undefined ? {} : { timeoutMs }) })
  }
}
