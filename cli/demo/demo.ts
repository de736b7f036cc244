/** The demo: a private stack, a made set of media through the whole pipeline, and a check of what came out. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { createProducer } from '#client'
import { environmentWith, loadConfig, type Config } from '#runtime/config.ts'
import { systemClock as clock } from '#runtime/clock.ts'
import { connectKafka } from '#runtime/kafka/client.ts'
import { endOffsets } from '#runtime/kafka/offsets.ts'
import { createLog, type Log } from '#runtime/log.ts'
import { stopStack } from '#stack/lease.ts'
import { choosePorts } from '#stack/ports.ts'
import { startStack, type Stack } from '#stack/stack.ts'
import { assetSubmitted } from '#topics'
import { withLock } from '../../bin/lock.mjs'
import { openBar } from '../bar.ts'
import { removeEnvFile, writeEnvFile } from '../env-file.ts'
import { EXIT, UsageError } from '../failure.ts'
import { prepare } from '../prepare.ts'
import type { Screen } from '../screen.ts'
import type { DemoFacts } from './facts.ts'
import { serveFiles } from './file-server.ts'
import { DEMO_DIR, DEMO_STACK_DIR, stopKeptStages } from './kept.ts'
import { FILES, generateMedia } from './media/generate.ts'
import { inParallel } from './media/in-parallel.ts'
import { openProgress } from './progress.ts'
import { ownItems } from './own-media.ts'
import { pointersFor } from './pointers.ts'
import { readBack, stageFigures, type ReadBack } from './read-back.ts'
import { makePreviews } from './report/previews.ts'
import { renderReport } from './report/report.ts'
import { startStagesProcess, type StagesProcess } from './stages-process.ts'
import { openOddProducer, outcomeOf, submitItem, type Item, type Outcome, type Ways } from './submit-items.ts'
import { checkExpectations, summarize } from './summary.ts'
import { renderSummary, styleOf } from './terminal.ts'
import { watchUntilDone } from './watch.ts'
import { WayOut } from './way-out.ts'

export interface DemoOptions {
  media?: string
  keep?: boolean
  json?: string | true
  report?: string
  seed?: string
  quiet?: boolean
}

/** Longer than any file takes; that nothing moves at all is noticed much earlier. */
const OUTCOME_DEADLINE_MS = 6 * 3600_000
/** Enough to keep every stage busy. */
const UNDER_WAY = 16
const DEFAULT_REPORT = `${DEMO_DIR}/report.html`

/** Resolves to the exit code. */
export async function runDemo(options: DemoOptions, screen: Screen): Promise<number> {
  const onWait = (): void => screen.note('Waiting for another demo in this folder')
  return withLock(`${DEMO_DIR}.lock`, () => new Demo(options, screen).run(), { onWait })
}

interface Running {
  config: Config
  stack: Stack
  stages: StagesProcess
  settings: Record<string, string>
  items: readonly Item[]
  log: Log
}

type Found = Omit<DemoFacts, 'pointers' | 'items'> & Pick<ReadBack, 'previews'>

class Demo {
  readonly #options: DemoOptions
  readonly #screen: Screen
  readonly #wayOut: WayOut

  constructor(options: DemoOptions, screen: Screen) {
    this.#options = options
    this.#screen = screen
    this.#wayOut = new WayOut((line) => screen.note(line))
  }

  async run(): Promise<number> {
    try {
      const running = await this.#start()
      const outcome = await this.#putThrough(running)
      const code = await this.#show(running, outcome)
      if (this.#options.keep) await this.#keep(running)
      return code
    } finally {
      await this.#wayOut.leave()
    }
  }

  async #start(): Promise<Running> {
    const { media } = this.#options
    if (media !== undefined && resolve(media).startsWith(resolve(DEMO_DIR))) throw new UsageError(`${DEMO_DIR} is emptied at the start; keep your media elsewhere.`)
    await this.#clear()
    const stack = await startStack({ dir: DEMO_STACK_DIR, log: (line) => this.#screen.note(line) })
    this.#wayOut.add(() => stack.stop())
    const { healthPort } = await choosePorts(['healthPort'])
    const settings = this.#settings(stack)
    const config = loadConfig(environmentWith(settings))
    const log = createLog('sluice-demo', config.logLevel)
    const startStages = async (): Promise<StagesProcess> => {
      await prepare(config, log, (line) => this.#screen.note(line))
      const stages = await startStagesProcess(settings, healthPort!)
      this.#wayOut.add(() => stages.stop())
      return stages
    }
    const [items, stages] = await Promise.all([this.#items(), startStages()])
    return { config, stack, stages, settings, log, items: await this.#judged(items, config, log) }
  }

  /** On a Kafka of the user's that holds assets already, ours may be copies of those: then nothing is expected. */
  async #judged(items: readonly Item[], config: Config, log: Log): Promise<readonly Item[]> {
    if (await isEmpty(config, log)) return items
    this.#screen.note('This Kafka holds assets already, so nothing is expected of the result')
    return items.map(withoutExpectation)
  }

  /** Two runs in a row find the same: nothing of the last one is left, also when it was kept running. */
  async #clear(): Promise<void> {
    await mkdir(DEMO_STACK_DIR, { recursive: true })
    if (await stopKeptStages()) this.#screen.note('Stopping the demo that was kept running')
    if (await stopStack(DEMO_STACK_DIR)) await removeEnvFile()
    await Promise.all([DEMO_STACK_DIR, DEMO_DIR].map((dir) => rm(dir, { recursive: true, force: true })))
    await mkdir(DEMO_DIR, { recursive: true })
  }

  /** Of the user's settings those about models and threads count here too. */
  #settings(stack: Stack): Record<string, string> {
    const folders = [`${DEMO_DIR}/media`, ...(this.#options.media === undefined ? [] : [this.#options.media])]
    return {
      ...stack.env(),
      SLUICE_BLOBS: resolve(DEMO_DIR, 'blobs'),
      SLUICE_STATE: resolve(DEMO_DIR, 'state'),
      SLUICE_FILE_ROOTS: folders.map((folder) => resolve(folder)).join(','),
      SLUICE_ALLOW_ADDRESSES: '127.0.0.1/32',
      SLUICE_SINK_PROFILE: 'latency',
    }
  }

  async #items(): Promise<readonly Item[]> {
    const { media, seed } = this.#options
    if (media !== undefined) return ownItems(media, (line) => this.#screen.note(line))
    const bar = openBar(this.#screen, 'Making media', FILES)
    try {
      return await generateMedia(`${DEMO_DIR}/media`, { signal: this.#wayOut.signal, onProgress: ({ done }) => bar.update(done), ...(seed === undefined ? {} : { seed }) })
    } finally {
      bar.stop()
    }
  }

  async #putThrough({ config, stages, items, log }: Running): Promise<Found> {
    const producer = await createProducer({ brokers: config.kafkaBrokers, registry: config.registryUrl, blobsDir: config.blobsDir, log })
    const server = await serveFiles(new Map(items.flatMap(({ name, path }) => (path === undefined ? [] : [[name, path]]))))
    const odd = await openOddProducer(config, log)
    const close = this.#wayOut.add(async () => void (await Promise.allSettled([producer.close(), odd.close(), server.close()])))
    const progress = this.#screen.quiet ? undefined : openProgress(process.stderr, clock)
    const beganMs = clock.now()
    try {
      this.#screen.note(`Submitting ${items.length} items as bytes, by path and by URL, ${UNDER_WAY} at a time`)
      const outcomes: Outcome[] = []
      const submitting = this.#submitAll(items, { producer, server, odd }, outcomes)
      const watching = watchUntilDone({ report: () => stages.report(), done: () => outcomes.length, total: items.length, progress, clock })
      const [report] = await Promise.race([Promise.all([watching, submitting]), stages.ended])
      const elapsedMs = clock.now() - beganMs
      return { ...await readBack(outcomes, beganMs, config), stages: stageFigures(report, elapsedMs), elapsedMs }
    } finally {
      progress?.stop()
      await close()
    }
  }

  /** Some at a time, so that originals come before their copies and latencies tell more than the length of a queue. */
  async #submitAll(items: readonly Item[], ways: Ways, outcomes: Outcome[]): Promise<void> {
    const jobs = items.map((item, index) => async () => {
      outcomes.push(await outcomeOf(await submitItem(item, index, ways), ways.producer, OUTCOME_DEADLINE_MS))
    })
    await inParallel(jobs, UNDER_WAY, this.#wayOut.signal)
  }

  async #show({ items, config }: Running, { previews, ...found }: Found): Promise<number> {
    const report = resolve(this.#options.report ?? DEFAULT_REPORT)
    const pointers = pointersFor({ report, kept: this.#options.keep ?? false, assets: found.assets, databaseUrl: config.databaseUrl })
    const facts: DemoFacts = { ...found, items, pointers }
    const summary = summarize(facts)
    const { missing, ...pictures } = await makePreviews(previews, this.#wayOut.signal)
    if (missing > 0) this.#screen.note(`${missing} previews could not be made`)
    await write(report, renderReport(summary, facts, pictures))
    if (typeof this.#options.json === 'string') await write(this.#options.json, `${JSON.stringify(summary, null, 2)}\n`)
    this.#screen.answer(summary, () => renderSummary(summary, styleOf(process.stdout)))
    return checkExpectations(summary).length === 0 ? EXIT.ok : EXIT.no
  }

  async #keep({ stack, stages, settings }: Running): Promise<void> {
    await stack.keep()
    stages.keep()
    await writeEnvFile(settings)
    this.#wayOut.keep()
  }
}

function withoutExpectation(item: Item): Item {
  const copy = { ...item }
  delete copy.expect
  return copy
}

async function isEmpty({ kafkaBrokers: brokers }: Config, log: Log): Promise<boolean> {
  const connection = await connectKafka({ brokers, clientId: 'sluice-demo' }, log)
  try {
    const ends = await endOffsets(connection.admin, [{ topic: assetSubmitted.name, partition: 0 }])
    return [...ends.values()].every((end) => end === 0)
  } finally {
    await connection.close()
  }
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}
