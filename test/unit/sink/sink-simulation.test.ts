/** Whatever happens, in any order: afterwards every record is one row or one failure, and each was announced (I4, I6). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RetryLater } from '#runtime/errors.ts'
import { P0, P1, refusal, settle, SinkWorld, type Member } from './sink-world.ts'

const SEEDS = 60
const STEPS = 40

/** mulberry32: a small generator, so that a seed is a run. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

class Simulation {
  readonly world = new SinkWorld()
  readonly #random: (below: number) => number
  #members: Member[] = []
  #next = 1_000
  #calm = false
  readonly expected = { rows: [] as number[], rejected: 0, refused: 0 }

  constructor(seed: number) {
    this.#random = generator(seed)
  }

  async run(): Promise<void> {
    this.#members = [await this.#start(P0), await this.#start(P1)]
    for (let step = 0; step < STEPS; step++) await this.#step()
    this.#calm = true
    await this.world.pass(200_000)
  }

  async #step(): Promise<void> {
    const choice = this.#random(10)
    if (choice < 5) this.#append()
    else if (choice < 7) await this.world.pass(this.#random(600))
    else if (choice === 7) await this.#crash()
    else if (choice === 8) await this.#swap()
    else await this.#takeOverWithoutRevoking()
    await settle()
  }

  /** One in eight is no JSON, one in eight is refused by the database (multiples of 7). */
  #append(): void {
    const id = this.#random(2) === 0 ? P0 : P1
    for (let left = this.#random(7); left > 0; left--) {
      const n = (this.#next += 1)
      if (this.#random(8) === 0) {
        this.world.append(id, `broken ${n}`)
        this.expected.rejected += 1
      } else {
        this.world.append(id, n)
        if (n % 7 === 0) this.expected.refused += 1
        else this.expected.rows.push(n)
      }
    }
  }

  async #crash(): Promise<void> {
    const at = this.#random(2)
    const dead = this.#members[at]!
    dead.store.fault = () => new Promise(() => {})
    dead.outbox.fault = () => { throw new RetryLater('kafka.unreachable', 'dead') }
    dead.source.commitFailure = new Error('dead')
    dead.source.revoke([P0, P1])
    this.#members[at] = await this.#start(at === 0 ? P0 : P1)
  }

  async #swap(): Promise<void> {
    for (const { source } of this.#members) source.revoke([P0, P1])
    this.#members.reverse()
    await this.#members[0]!.source.assign([P0])
    await this.#members[1]!.source.assign([P1])
  }

  /** The old owner goes on until it is told; Kafka tells it a little later. */
  async #takeOverWithoutRevoking(): Promise<void> {
    const [zombie] = this.#members
    this.#members[0] = await this.#start(P0)
    await this.world.pass(this.#random(500))
    zombie!.source.commitFailure = new Error('not a member')
    zombie!.source.revoke([P0])
  }

  async #start(id: typeof P0): Promise<Member> {
    const member = await this.world.started(id)
    member.store.refuses = (row) => (row.n % 7 === 0 ? refusal(row) : undefined)
    member.store.fault = async () => {
      await this.world.clock.sleep(this.#random(50))
      if (this.#calm) return undefined
      return ([undefined, undefined, undefined, 'before-commit', 'after-commit'] as const)[this.#random(5)]
    }
    member.outbox.fault = () => {
      if (this.#calm) return undefined
      if (this.#random(5) === 0) throw new RetryLater('kafka.unreachable', 'away')
      return this.#random(5) === 0 ? 'lost-reply' : undefined
    }
    return member
  }
}

test(`over ${SEEDS} seeds of crashes, take-overs and lost replies, every record is one row or one failure`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const simulation = new Simulation(seed)
    await simulation.run()
    const { world, expected } = simulation
    const name = `seed ${seed}`
    assert.deepEqual(world.stored().sort((a, b) => a - b), expected.rows, name)
    assert.deepEqual(
      [world.tables.failures.filter(({ code }) => code === 'record.undecodable').length, world.tables.failures.filter(({ code }) => code === 'keep.refused-row').length],
      [expected.rejected, expected.refused], name)
    assert.deepEqual([...new Set(world.announced())].sort((a, b) => a - b), expected.rows, name)
    const letters = new Set(world.letters().map(({ value }) => value!.toString()))
    assert.equal(letters.size, expected.rejected + expected.refused, name)
    assert.deepEqual([world.committed(P0) ?? 0, world.committed(P1) ?? 0], [P0, P1].map(({ topic, partition }) => world.log.read(topic, partition).length), name)
  }
})
