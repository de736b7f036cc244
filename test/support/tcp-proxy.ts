/**
 * A TCP proxy on loopback that can be made as bad as a network can be, at any moment and for the connections that are
 * open as well as for new ones. The faults are those of toxiproxy (its "toxics"), and one that needs to know the
 * protocol: the loss of one chosen reply (`Wire`).
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export interface Toxics {
  /** Added to each direction. */
  latencyMs: number
  /** Latency is drawn from latency ± jitter. */
  jitterMs: number
  /** Each direction of each connection; 0 is unlimited. */
  kbitPerS: number
  /** Bytes of this direction vanish, and the connection stays open (half-open): 'replies' are what the server sends. */
  swallow: 'nothing' | 'requests' | 'replies' | 'both'
  /** New connections are reset as soon as they come. */
  refuse: boolean
  /** A connection is cut after so many more bytes of replies, wherever in a message that is; 0 is never. */
  dropAfterBytes: number
  /** How long after one side's end the other side is told. */
  closeDelayMs: number
}

const HEALTHY: Toxics = { latencyMs: 0, jitterMs: 0, kbitPerS: 0, swallow: 'nothing', refuse: false, dropAfterBytes: 0, closeDelayMs: 0 }

/** What one connection's bytes mean. Both get every byte in order and return those that are passed on. */
export interface Wire {
  toServer(chunk: Buffer): Buffer
  toClient(chunk: Buffer): Buffer
}

export interface ProxyOptions {
  host?: string
  targetPort: number
  /** Made for each connection. */
  wire?: (link: Link) => Wire
  /** In [0, 1), for jitter. */
  random?: () => number
}

/** Bytes under way in one direction above which its sender is not read from. */
const MAX_QUEUED_BYTES = 8 << 20

const PASS: Wire = { toServer: (chunk) => chunk, toClient: (chunk) => chunk }

export class TcpProxy {
  readonly #server: Server
  readonly #links = new Set<Link>()
  readonly #options: ProxyOptions
  #toxics = HEALTHY
  /** Connections taken since the start. */
  accepted = 0

  private constructor(options: ProxyOptions) {
    this.#options = options
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client))
  }

  static async open(options: ProxyOptions): Promise<TcpProxy> {
    const proxy = new TcpProxy(options)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get connections(): number {
    return this.#links.size
  }

  get toxics(): Toxics {
    return this.#toxics
  }

  /** Those not named stay as they are. */
  set(toxics: Partial<Toxics>): void {
    this.#toxics = { ...this.#toxics, ...toxics }
  }

  /** All well again; bytes that were swallowed stay lost, so connections that lost some are cut. */
  heal(): void {
    this.#toxics = HEALTHY
    for (const link of this.#links) if (link.isMaimed) link.cut()
  }

  /** Closes all connections and refuses new ones until `heal`. */
  cut(): void {
    this.set({ refuse: true })
    for (const link of this.#links) link.cut()
  }

  /** Ends all connections by RST; new ones are welcome. */
  reset(): void {
    for (const link of this.#links) link.reset()
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(client: Socket): void {
    client.on('error', () => {})
    if (this.#toxics.refuse) return void client.resetAndDestroy()
    this.accepted += 1
    const { host = '127.0.0.1', targetPort, wire, random = Math.random } = this.#options
    const server = connect({ host, port: targetPort, allowHalfOpen: true, noDelay: true })
    const link = new Link(client.setNoDelay(), server, () => this.#toxics, random)
    this.#links.add(link)
    link.start(wire?.(link) ?? PASS, () => this.#links.delete(link))
  }
}

/** One client's connection and the one to the server that it stands for. */
export class Link {
  readonly #client: Socket
  readonly #server: Socket
  readonly #toxics: () => Toxics
  readonly #random: () => number
  #repliedBytes = 0
  /** Set to lose all replies of this connection from now on. */
  losesReplies = false
  /** Bytes of it are gone for good. */
  isMaimed = false

  constructor(client: Socket, server: Socket, toxics: () => Toxics, random: () => number) {
    this.#client = client
    this.#server = server
    this.#toxics = toxics
    this.#random = random
  }

  start(wire: Wire, ended: () => void): void {
    for (const socket of [this.#client, this.#server]) {
      socket.on('error', () => this.cut())
      socket.on('close', () => {
        ended()
        this.#closeBoth()
      })
    }
    this.#pipe(this.#client, this.#server, (chunk) => this.#request(wire.toServer(chunk)))
    this.#pipe(this.#server, this.#client, (chunk) => this.#reply(wire.toClient(chunk)))
  }

  cut(): void {
    this.#client.destroy()
    this.#server.destroy()
  }

  reset(): void {
    this.#client.resetAndDestroy()
    this.#server.resetAndDestroy()
  }

  #closeBoth(): void {
    const delayMs = this.#toxics().closeDelayMs
    if (delayMs === 0) this.cut()
    else setTimeout(() => this.cut(), delayMs)
  }

  #request(chunk: Buffer): Buffer {
    const { swallow } = this.#toxics()
    return this.#lose(chunk, swallow === 'requests' || swallow === 'both')
  }

  #reply(chunk: Buffer): Buffer {
    const { swallow, dropAfterBytes } = this.#toxics()
    const kept = this.#lose(chunk, this.losesReplies || swallow === 'replies' || swallow === 'both')
    if (dropAfterBytes === 0) {
      this.#repliedBytes = 0
      return kept
    }
    this.#repliedBytes += kept.length
    if (this.#repliedBytes < dropAfterBytes) return kept
    setImmediate(() => this.cut())
    return kept.subarray(0, Math.max(0, kept.length - (this.#repliedBytes - dropAfterBytes)))
  }

  #lose(chunk: Buffer, lost: boolean): Buffer {
    if (!lost || chunk.length === 0) return chunk
    this.isMaimed = true
    return Buffer.alloc(0)
  }

  /** Passes bytes on in order, each when its latency and its turn on the narrow line are over. */
  #pipe(from: Socket, to: Socket, pass: (chunk: Buffer) => Buffer): void {
    let freeAtMs = 0
    let queuedBytes = 0
    const limit = (): void => {
      if (queuedBytes > MAX_QUEUED_BYTES || to.writableNeedDrain) from.pause()
      else from.resume()
    }
    const later = (chunk: Buffer | null): void => {
      freeAtMs = this.#dueAtMs(freeAtMs, chunk?.length ?? 0)
      queuedBytes += chunk?.length ?? 0
      const send = (): void => {
        queuedBytes -= chunk?.length ?? 0
        if (to.destroyed) return
        if (chunk === null) to.end()
        else to.write(chunk)
        limit()
      }
      const waitMs = freeAtMs - performance.now()
      if (waitMs <= 0 && queuedBytes === (chunk?.length ?? 0)) send()
      else setTimeout(send, Math.max(0, waitMs))
      limit()
    }
    from.on('data', (chunk: Buffer) => {
      const passed = pass(chunk)
      if (passed.length > 0) later(passed)
    })
    from.on('end', () => setTimeout(() => later(null), this.#toxics().closeDelayMs))
    to.on('drain', limit)
  }

  #dueAtMs(freeAtMs: number, bytes: number): number {
    const { latencyMs, jitterMs, kbitPerS } = this.#toxics()
    const delayMs = Math.max(0, latencyMs + (this.#random() * 2 - 1) * jitterMs)
    const widthMs = kbitPerS === 0 ? 0 : (bytes * 8) / kbitPerS
    return Math.max(freeAtMs, performance.now() + delayMs) + widthMs
  }
}
