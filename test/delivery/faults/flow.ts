/** The flow of a round's events into its first topic. */
import { openCodec, subjectOf } from '#runtime/avro/codec.ts'
import type { Arena } from './arena.ts'
import { drawEvents } from './events.ts'
import type { RoundNeeds } from './fault.ts'
import { Generator, type Produced } from './generator.ts'
import { seeded } from './random.ts'
import type { Setting } from './setting.ts'
import { evolved, type MadeEvent, type WorkloadTopics } from './workload/topics.ts'

export class Flow {
  readonly #arena: Arena
  readonly #topics: WorkloadTopics
  readonly #generator: Generator
  #encode: (event: MadeEvent) => Buffer
  #stopping = new AbortController()
  #running: Promise<void> = Promise.resolve()

  private constructor(arena: Arena, topics: WorkloadTopics, encode: (event: MadeEvent) => Buffer, seed: string, { timestamps = 'now' }: RoundNeeds) {
    this.#arena = arena
    this.#topics = topics
    this.#encode = encode
    const events = drawEvents({ random: seeded(`${seed} events`), encode: (event) => this.#encode(event), topics, timestamps })
    this.#generator = new Generator(arena.connection.kafka, topics.made.name, events)
  }

  static async open(arena: Arena, { load: { topics } }: Setting, seed: string, needs: RoundNeeds): Promise<Flow> {
    const codec = await openCodec(arena.registry, [topics.made])
    return new Flow(arena, topics, (event) => codec.encode(topics.made, event), seed, needs)
  }

  /** What the broker has acknowledged. */
  get produced(): Produced[] {
    return this.#generator.produced
  }

  /** Writes so many events at once. */
  write(count: number): Promise<void> {
    return this.#generator.write(count)
  }

  start(perSecond: number): void {
    this.#stopping = new AbortController()
    this.#running = this.#generator.run(perSecond, this.#stopping.signal)
    this.#running.catch(() => {}) // told by `stop`
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  /** From now on events are written by a newer version of the schema, which no process has seen yet. */
  async evolve(): Promise<void> {
    const newer = evolved(this.#topics.made)
    await this.#arena.registry.register(subjectOf(newer), newer.schema)
    const codec = await openCodec(this.#arena.registry, [newer])
    this.#encode = (event) => codec.encode(newer, { ...event, remark: 'newer' })
  }

  async close(): Promise<void> {
    await this.stop().catch(() => undefined)
    await this.#generator.close()
  }
}
