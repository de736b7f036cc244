/** What outlives the rounds: one stack, and between it and each stage process a proxy of its own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectRegistry, type Registry } from '#runtime/avro/registry.ts'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { createLog } from '#runtime/log.ts'
import { startStack, type Stack } from '#stack/stack.ts'
import { TcpProxy } from '#test/support/tcp-proxy.ts'
import { kafkaWire, LostReplies } from './kafka-wire.ts'
import { LostCommits, postgresWire } from './postgres-wire.ts'

/** The ways of one process to its servers. */
export interface Ways {
  kafka: TcpProxy
  replies: LostReplies
  postgres: TcpProxy
  commits: LostCommits
}

export class Arena {
  readonly stack: Stack
  /** Not proxied: for the generator and for looking on. */
  readonly connection: KafkaConnection
  readonly registry: Registry
  /** Shared by all processes. */
  readonly registryProxy: TcpProxy
  readonly dir: string
  readonly #ways = new Map<string, Promise<Ways>>()

  private constructor(dir: string, stack: Stack, connection: KafkaConnection, registryProxy: TcpProxy) {
    this.dir = dir
    this.stack = stack
    this.connection = connection
    this.registry = connectRegistry(stack.registryUrl)
    this.registryProxy = registryProxy
  }

  /** Always a stack of its own: its parts are killed. `dir` is made when absent, and removed at the end. */
  static async open(dir = mkdtempSync(join(tmpdir(), 'sluice-faults-'))): Promise<Arena> {
    const stack = await startStack({ dir, env: {} })
    try {
      const connection = await connectKafka({ brokers: stack.kafkaBrokers.split(','), clientId: 'faults' }, createLog('faults', 'silent'))
      const registryProxy = await TcpProxy.open({ targetPort: portOf(stack.registryUrl) })
      return new Arena(dir, stack, connection, registryProxy)
    } catch (error) {
      await stack.stop()
      throw error
    }
  }

  /** Of the process with this name; made when first asked for, and used again by its successors. */
  waysOf(name: string): Promise<Ways> {
    const ways = this.#ways.get(name) ?? this.#openWays()
    this.#ways.set(name, ways)
    return ways
  }

  /** Heals every proxy. */
  async healNetwork(): Promise<void> {
    this.registryProxy.heal()
    for (const { kafka, postgres } of await Promise.all(this.#ways.values())) {
      kafka.heal()
      postgres.heal()
    }
  }

  async close(): Promise<void> {
    await this.connection.close().catch(() => undefined)
    const ways = await Promise.all(this.#ways.values())
    await Promise.all([this.registryProxy, ...ways.flatMap(({ kafka, postgres }) => [kafka, postgres])].map((proxy) => proxy.close()))
    await this.stack.stop()
    rmSync(this.dir, { recursive: true, force: true })
  }

  async #openWays(): Promise<Ways> {
    const replies = new LostReplies()
    const commits = new LostCommits()
    const broker = Number(this.stack.kafkaBrokers.split(':')[1])
    const kafka: TcpProxy = await TcpProxy.open({ targetPort: broker, wire: (link) => kafkaWire(link, () => ({ broker, proxy: kafka.port }), replies) })
    const postgres = await TcpProxy.open({ targetPort: portOf(this.stack.databaseUrl), wire: (link) => postgresWire(link, commits) })
    return { kafka, replies, postgres, commits }
  }
}

/** The same address by way of a proxy. */
export function through(url: string, proxy: TcpProxy): string {
  const changed = new URL(url)
  changed.host = `127.0.0.1:${proxy.port}`
  return changed.href
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}
