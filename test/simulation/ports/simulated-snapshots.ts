/** Snapshots on the disk of a host, which outlives its processes: written whole or not at all, now and then lost. */
import type { StatePoint, StateSnapshots } from '#runtime/loop/ports.ts'
import type { Coverage } from '../coverage.ts'
import type { Random } from '../random.ts'
import type { SimulatedProcess } from '../simulated-process.ts'
import { Families, type Remembered } from '../workload/topology.ts'

interface Snapshot { entries: Remembered[]; changelogNext: number; position: number }

/** By partition. */
export type Disk = Map<number, Snapshot>

export interface SimulatedSnapshotsParts {
  process: SimulatedProcess
  disk: Disk
  random: Random
  coverage: Coverage
  /** Offsets of the changelog from one snapshot to the next. */
  everyOffsets: number
  repeated(id: string): void
}

export class SimulatedSnapshots implements StateSnapshots {
  readonly #parts: SimulatedSnapshotsParts

  constructor(parts: SimulatedSnapshotsParts) {
    this.#parts = parts
  }

  async load(partition: number): Promise<StatePoint | undefined> {
    const { disk, random, coverage, repeated } = this.#parts
    await this.#work()
    const snapshot = disk.get(partition)
    if (!snapshot || random.chance(0.1)) return undefined
    coverage.count('snapshot.loaded')
    const state = new Families(repeated)
    for (const entry of snapshot.entries) state.apply(entry)
    return { state, changelogNext: snapshot.changelogNext, position: snapshot.position }
  }

  async saveWhenDue(partition: number, point: StatePoint): Promise<void> {
    const last = this.#parts.disk.get(partition)?.changelogNext ?? 0
    if (point.changelogNext - last >= this.#parts.everyOffsets) await this.#save(partition, point)
  }

  saveAtEnd(partition: number, point: StatePoint): Promise<void> {
    return this.#save(partition, point)
  }

  async discard(partition: number): Promise<void> {
    this.#parts.disk.delete(partition)
  }

  /** The state is looked at when the writing ends: whoever goes on deciding meanwhile spoils the snapshot. */
  async #save(partition: number, { state, changelogNext, position }: StatePoint): Promise<void> {
    await this.#work()
    this.#parts.coverage.count('snapshot.saved')
    this.#parts.disk.set(partition, { entries: [...(state as Families).byId.values()], changelogNext, position })
  }

  #work(): Promise<void> {
    return this.#parts.process.clock.sleep(this.#parts.random.between(1, 200))
  }
}
