/** Where the sink is struck: its own broker, registry and Postgres, and between sink and Postgres a proxy. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assetTables, type AssetIds, type PackedAsset } from '#processors/store/asset-tables.ts'
import { startStages, type Stages } from '#cli/stages.ts'
import { connectTopics } from '#cli/topics.ts'
import { loadConfig, type Config } from '#runtime/config.ts'
import { connectKafka, type KafkaConnection } from '#runtime/kafka/client.ts'
import { applyTopics } from '#runtime/kafka/topic-apply.ts'
import { planTopics } from '#runtime/kafka/topic-plan.ts'
import { createLog, type Log } from '#runtime/log.ts'
import { migrate } from '#runtime/postgres/migrate.ts'
import { PostgresSinkStore } from '#runtime/postgres/api.ts'
import { groupOf } from '#runtime/run-stage.ts'
import { startStack, type Stack } from '#stack/stack.ts'
import type { Random } from '#test/delivery/faults/random.ts'
import { onServer } from '#test/support/database.ts'
import { TcpProxy } from '#test/support/tcp-proxy.ts'
import { topology } from '#topology'
import { assetClustered } from '#topics'
import { evictAll } from './evict.ts'
import { hastySink } from './hasty-store.ts'
import { Inputs } from './inputs.ts'
import { PROGRESS_LOG } from './progress-log.ts'
import { KillCrew } from './kill-crew.ts'
import { Moments } from './moments.ts'

const MIGRATIONS = join(import.meta.dirname, '..', '..', '..', 'migrations')

export class Arena {
  readonly moments: Moments
  readonly proxy: TcpProxy
  readonly inputs: Inputs
  readonly connection: KafkaConnection
  readonly config: Config
  readonly #stack: Stack
  readonly #dir: string
  readonly #log: Log
  #sink: Stages | undefined
  #crew: KillCrew | undefined
  #rivals: PostgresSinkStore<PackedAsset, AssetIds>[] = []
  /** What ended a sink that should have gone on. */
  halted: unknown

  private constructor(parts: { stack: Stack; dir: string; config: Config; log: Log; connection: KafkaConnection; moments: Moments; proxy: TcpProxy; inputs: Inputs }) {
    this.#stack = parts.stack
    this.#dir = parts.dir
    this.config = parts.config
    this.#log = parts.log
    this.connection = parts.connection
    this.moments = parts.moments
    this.proxy = parts.proxy
    this.inputs = parts.inputs
  }

  /** A stack of its own, since topics have one name each. */
  static async open(random: Random): Promise<Arena> {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-sink-'))
    const stack = await startStack({ dir, env: {} })
    try {
      const config = loadConfig({ ...stack.env(), SLUICE_APP: 'struck', SLUICE_STATE: join(dir, 'state'), SLUICE_BLOBS: join(dir, 'blobs') })
      const log = createLog('sink-strikes', process.env['SLUICE_LOG_LEVEL'] ?? 'silent')
      const connection = await connectKafka({ brokers: config.kafkaBrokers, clientId: 'sink-strikes' }, log)
      const surroundings = connectTopics(config, connection)
      await applyTopics(await planTopics(topology, surroundings), surroundings)
      await migrate({ databaseUrl: config.databaseUrl, dir: MIGRATIONS })
      await onServer(config.databaseUrl, PROGRESS_LOG)
      const moments = new Moments()
      const proxy = await TcpProxy.open({ targetPort: Number(new URL(config.databaseUrl).port), wire: (link) => moments.wire(link), random: () => random.next() })
      const inputs = await Inputs.open(connection, config.registryUrl, random)
      return new Arena({ stack, dir, config, log, connection, moments, proxy, inputs })
    } catch (error) {
      await stack.stop()
      rmSync(dir, { recursive: true, force: true })
      throw error
    }
  }

  /** Starts the sink in this process, by way of the proxy; instead of the one that runs. */
  async startSink(): Promise<void> {
    await this.#sink?.stop()
    const url = new URL(this.config.databaseUrl)
    url.host = `127.0.0.1:${this.proxy.port}`
    const sink = startStages([hastySink], { config: { ...this.config, databaseUrl: url.href }, topology, log: this.#log })
    sink.ended.catch((error: unknown) => (this.halted = error))
    this.#sink = sink
    await sink.started
  }

  /** Records that the sink of this process has taken in and not stored. */
  get backlog(): number {
    const { waiting = 0, inFlight = 0 } = this.#sink?.report().stages[hastySink.name] ?? {}
    return waiting + inFlight
  }

  /** Processes that are to be killed; started when first asked for. */
  get crew(): KillCrew {
    const { kafkaBrokers, registryUrl, databaseUrl, app, stateDir, blobsDir } = this.config
    this.#crew ??= new KillCrew({
      KAFKA_BROKERS: kafkaBrokers.join(','), SCHEMA_REGISTRY_URL: registryUrl, DATABASE_URL: databaseUrl, SLUICE_APP: app, SLUICE_STATE: stateDir, SLUICE_BLOBS: blobsDir,
    })
    return this.#crew
  }

  /** What is left of killed processes in the group. */
  evictMembers(): Promise<void> {
    return evictAll(this.connection, groupOf(this.config, hastySink))
  }

  /** Another owner claims all partitions, straight at the server. */
  async claimAsRival(): Promise<void> {
    const rival = new PostgresSinkStore({ sink: hastySink.name, databaseUrl: this.config.databaseUrl, rows: assetTables(), owner: `rival-${this.#rivals.length}` })
    this.#rivals.push(rival)
    await rival.claim(Array.from({ length: assetClustered.partitions }, (_, partition) => ({ topic: assetClustered.name, partition })))
  }

  async endCrew(): Promise<void> {
    await this.#crew?.close()
    this.#crew = undefined
  }

  async close(): Promise<void> {
    await this.endCrew()
    await this.#sink?.stop()
    await Promise.all(this.#rivals.map((rival) => rival.close()))
    await this.inputs.close()
    await this.proxy.close()
    await this.connection.close()
    await this.#stack.stop()
    rmSync(this.#dir, { recursive: true, force: true })
  }
}
