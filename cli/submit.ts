/** Submits what was named, some at a time, with progress; Ctrl-C lets what is under way arrive and begins nothing new. */
import { AssetFailedError, createProducer, type Producer, type Submission } from '#client'
import type { Config } from '#runtime/config.ts'
import { reasonOf } from '#runtime/errors.ts'
import { createLog } from '#runtime/log.ts'
import { openBar } from './bar.ts'
import { EXIT } from './failure.ts'
import { inputsOf } from './inputs.ts'
import { plain, type Screen } from './screen.ts'

export interface SubmitOptions {
  from?: string
  source: string
  tag: string[]
  byPath?: boolean
  wait?: boolean
  timeout: string
}

/** Enough for full batches, and few enough that memory stays small. */
const AT_ONCE = 200
/** Assets that are waited for at the same time; more are submitted as these end. */
const WAITING_AT_ONCE = 2_000

/** Resolves to the exit code. */
export async function submitAll(what: readonly string[], options: SubmitOptions, config: Config, screen: Screen): Promise<number> {
  const skipped: string[] = []
  const { submissions, total } = await inputsOf(what, options.from, { onSkipped: (path) => skipped.push(path) })
  if (skipped.length > 0) screen.note(`${skipped.length} entries were left out, for example ${plain(skipped[0]!)}`)
  const producer = await createProducer({
    brokers: config.kafkaBrokers, registry: config.registryUrl, source: options.source, blobsDir: config.blobsDir, log: createLog('sluice', config.logLevel),
  })
  const submitting = new Submitting(producer, options, screen, total)
  try {
    return await submitting.run(submissions)
  } finally {
    await producer.close()
  }
}

class Submitting {
  readonly #producer: Producer
  readonly #options: SubmitOptions
  readonly #screen: Screen
  readonly #total: number | undefined
  #done = 0
  #failed = 0
  #interrupted = false

  constructor(producer: Producer, options: SubmitOptions, screen: Screen, total: number | undefined) {
    this.#producer = producer
    this.#options = options
    this.#screen = screen
    this.#total = total
  }

  async run(submissions: AsyncIterable<Submission>): Promise<number> {
    const bar = openBar(this.#screen, this.#options.wait ? 'stored' : 'submitted', this.#total)
    const underWay = new Set<Promise<void>>()
    const interrupted = this.#onInterrupt()
    const limit = this.#options.wait ? WAITING_AT_ONCE : AT_ONCE
    try {
      for await (const submission of until(submissions, interrupted)) {
        const one = this.#one(submission).finally(() => {
          underWay.delete(one)
          bar.update(++this.#done)
        })
        underWay.add(one)
        if (underWay.size >= limit) await Promise.race([...underWay, interrupted])
      }
      await (this.#options.wait ? Promise.race([Promise.all(underWay), interrupted]) : Promise.all(underWay))
    } finally {
      bar.stop()
    }
    return this.#summary()
  }

  /** One asset's trouble is told and does not hold up the others; trouble of all, such as a lost broker, ends the run. */
  async #one(submission: Submission): Promise<void> {
    const name = submission.path ?? submission.uri ?? ''
    try {
      const id = await this.#producer.submit(this.#complete(submission))
      if (this.#options.wait) await this.#awaitOutcome(id, name)
      else this.#screen.answer({ id, name }, () => `${id}\t${plain(name)}`)
    } catch (error) {
      if (this.#interrupted) return
      this.#failed++
      this.#screen.answer({ name, error: reasonOf(error) }, () => '')
      this.#screen.note(`${plain(name)}: ${plain(reasonOf(error))}`)
    }
  }

  /** A copied file keeps its name as its identifier: nothing else would tell where the blob came from. */
  #complete(submission: Submission): Submission {
    const { path } = submission
    const tags = [...(submission.tags ?? []), ...this.#options.tag]
    if (path === undefined) return { ...submission, tags }
    return { sourceId: path.slice(-1_024), byPath: this.#options.byPath ?? false, ...submission, tags }
  }

  async #awaitOutcome(id: string, name: string): Promise<void> {
    try {
      const { relation, of, cluster } = await this.#producer.waitUntilStored(id, { timeoutMs: Number(this.#options.timeout) * 1000 })
      this.#screen.answer({ id, name, outcome: 'stored', relation, of, cluster }, () => `${id}\t${relation}${of === null ? '' : ` of ${of}`}\t${plain(name)}`)
    } catch (error) {
      if (!(error instanceof AssetFailedError)) throw error
      this.#failed++
      const { stage, code, reason } = error
      this.#screen.answer({ id, name, outcome: 'failed', stage, code, reason }, () => `${id}\tfailed ${code}\t${plain(name)}`)
    }
  }

  #onInterrupt(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    process.once('SIGINT', () => {
      this.#interrupted = true
      process.stdin.destroy() // a terminal that nobody types on would keep the process alive
      resolve()
    })
    return promise
  }

  #summary(): number {
    const of = this.#total === undefined ? '' : ` of ${this.#total}`
    this.#screen.note(`${this.#done - this.#failed}${of} ${this.#options.wait ? 'stored' : 'submitted'}${this.#failed > 0 ? `, ${this.#failed} failed` : ''}${this.#interrupted ? '; interrupted' : ''}`)
    if (this.#interrupted) return EXIT.interrupted
    return this.#failed > 0 ? EXIT.no : EXIT.ok
  }
}

/** The items until `end`, also when the next one is long in coming. */
async function* until<T>(items: AsyncIterable<T>, end: Promise<void>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]()
  const ended = end.then((): IteratorResult<T> => ({ done: true, value: undefined }))
  for (;;) {
    const next = await Promise.race([ended, iterator.next()])
    if (next.done) return
    yield next.value
  }
}
