/**
 * The network between processes and servers: requests and replies take their time, and get lost or come late. A request
 * that was sent arrives also when its sender is dead by then.
 */
import type { VirtualClock } from '#runtime/memory/virtual-clock.ts'
import type { Coverage } from './coverage.ts'
import type { Random } from './random.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import type { Trace } from './trace.ts'

/** What a client sees of a request that got no answer. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
}

export interface Server {
  readonly name: string
  isDown: boolean
}

/** Shares of all requests; 0 in calm weather. */
export interface Weather {
  loseRequest: number
  loseReply: number
  /** The request comes so late that its sender has given up. */
  delayRequest: number
  /** Request or reply takes up to a second. */
  slow: number
}

/** Weather for requests of one kind. */
export type Torments = ReadonlyMap<string, Weather>

export const CALM: Weather = { loseRequest: 0, loseReply: 0, delayRequest: 0, slow: 0 }

/** A client gives a request up after this long, unless it says otherwise. */
const TIMEOUT_MS = 5_000
const LATEST_MS = 40_000

/** Requests whose loss is a case of its own. */
const WATCHED = new Set(['end-transaction', 'sql.commit', 'produce'])

interface Journey { requestMs: number; arrives: boolean; replyMs: number; replies: boolean; isLate: boolean }

export interface Request<T> {
  name: string
  server: Server
  timeoutMs?: number
  /** What the server does; a rejection is its answer too. */
  arrive(): T | Promise<T>
  /** Called with the request's time of arrival, for what must not overtake it. */
  arrivesAt?(atMs: number): void
}

export class Network {
  readonly #clock: VirtualClock
  readonly #random: Random
  readonly #trace: Trace
  readonly #coverage: Coverage
  weather: Weather = CALM
  torments: Torments = new Map()
  /** Processes whose packets are lost, by the server that they cannot reach. */
  readonly cut = new Map<SimulatedProcess, Server>()
  /** Requests on their way that nobody waits for any more. */
  lateOnes = 0
  /** Longer distances in some worlds, milliseconds. */
  distanceMs = 2

  constructor(parts: { clock: VirtualClock; random: Random; trace: Trace; coverage: Coverage }) {
    this.#clock = parts.clock
    this.#random = parts.random
    this.#trace = parts.trace
    this.#coverage = parts.coverage
  }

  /** Rejects with ConnectionLost, or with what the server answers. */
  async request<T>(process: SimulatedProcess, request: Request<T>): Promise<T> {
    if (process.isFrozen) await process.awake()
    return new Promise<T>((resolve, reject) => {
      if (process.isDead) return
      const journey = this.#draw(process, request)
      let answered = false
      const answer = (settle: () => void): void => {
        if (answered) return
        answered = true
        cancel()
        process.enter(settle)
      }
      const cancel = this.#clock.after(this.#patience(journey, request), () => answer(() => reject(new ConnectionLost(`${request.name}: no answer`))))
      const reply = (settle: () => void): void => {
        if (journey.replies && !request.server.isDown) this.#clock.after(journey.replyMs, () => answer(settle))
      }
      request.arrivesAt?.(this.#clock.now() + journey.requestMs)
      if (journey.arrives) this.#clock.after(journey.requestMs, () => this.#arrive(journey, request, { resolve: (value) => reply(() => resolve(value)), reject: (error) => reply(() => reject(error)) }))
    })
  }

  #arrive<T>(journey: Journey, request: Request<T>, answer: Answer<T>): void {
    if (journey.isLate) this.lateOnes -= 1
    serve(request, answer)
  }

  #draw(process: SimulatedProcess, { name, server }: Request<unknown>): Journey {
    const { loseRequest, loseReply, delayRequest, slow } = this.torments.get(name) ?? this.weather
    const journey: Journey = { requestMs: this.#latency(slow), arrives: !server.isDown, replyMs: this.#latency(slow), replies: true, isLate: false }
    if (this.cut.get(process) === server) {
      journey.arrives = this.#random.chance(0.5)
      journey.replies = false
    } else if (this.#random.chance(loseRequest)) journey.arrives = false
    else if (this.#random.chance(loseReply)) journey.replies = false
    else if (this.#random.chance(delayRequest)) {
      journey.requestMs = this.#random.between(TIMEOUT_MS, LATEST_MS)
      journey.isLate = true
      if (journey.arrives) this.lateOnes += 1
      this.#tell('late', process, name)
    }
    if (!journey.arrives) this.#tell('request-lost', process, name)
    else if (!journey.replies) this.#tell('reply-lost', process, name)
    return journey
  }

  /** A broken connection is often seen at once, and a silent one only by the client's own timeout. */
  #patience({ arrives, replies, isLate, requestMs, replyMs }: Journey, { timeoutMs = TIMEOUT_MS }: Request<unknown>): number {
    if (isLate) return this.#random.between(10, TIMEOUT_MS)
    const isBroken = !arrives || !replies
    return isBroken && this.#random.chance(0.7) ? requestMs + replyMs + this.#random.between(1, 300) : timeoutMs
  }

  #latency(slow: number): number {
    const usual = this.#random.between(1, this.distanceMs)
    return this.#random.chance(slow) ? usual + this.#random.between(20, 1_000) : usual
  }

  #tell(what: string, process: SimulatedProcess, name: string): void {
    this.#coverage.count(`network.${what}`)
    if (WATCHED.has(name)) this.#coverage.count(`network.${what}.${name}`)
    this.#trace.note(`${process.name} ${name}: ${what}`)
  }
}

interface Answer<T> { resolve: (value: T) => void; reject: (error: unknown) => void }

function serve<T>({ server, arrive, name }: Request<T>, answer: Answer<T>): void {
  if (server.isDown) return answer.reject(new ConnectionLost(`${name}: ${server.name} is down`))
  try {
    const result = arrive()
    if (result instanceof Promise) result.then(answer.resolve, answer.reject)
    else answer.resolve(result)
  } catch (error) {
    answer.reject(error)
  }
}
