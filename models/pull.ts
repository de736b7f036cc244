/** Fetches a model whose card says where it is. What was fetched before an interruption is kept and gone on from. */
import { createWriteStream } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Agent, fetch, type Response } from 'undici'
import { Halt, reasonOf } from '../runtime/errors.ts'
import type { ModelCard } from './card.ts'
import { PULLABLE } from './catalogue.ts'
import { installModel, installedCard, modelPath, sha256OfFile, stateOf, type InstalledModel } from './store.ts'

export interface PullRequest {
  /** Folder of installed models. */
  dir: string
  /** The id of a card in `PULLABLE`, or a card with a `url`. */
  model: string | ModelCard
  /** Called with the bytes that are there, of `card.bytes`. */
  progress?: (bytes: number) => void
  signal?: AbortSignal
}

/** Half a minute without a byte is a dead connection; a slow one may take as long as it needs. */
const SILENCE_MS = 30_000

/**
 * Installs the model; when it is there already, nothing is fetched.
 * @throws Halt `model.not-pullable`, `model.pull-failed`
 */
export async function pullModel({ dir, model, progress = () => {}, signal }: PullRequest): Promise<InstalledModel> {
  const card = typeof model === 'string' ? pullable(model) : model
  if (card.url === undefined) throw new Halt('model.not-pullable', `The card of ${card.id} has no url`, 'Fetch the file yourself and run: sluice model add FILE --card card.json')
  const isThere = await installedCard(dir, card.id) !== undefined && await stateOf(modelPath(dir, card.id), card) === 'ready'
  if (isThere) return { card, path: modelPath(dir, card.id) }
  const part = join(dir, `.${card.id}.${card.sha256.slice(0, 16)}.part`)
  await mkdir(dir, { recursive: true })
  await fetchRest(card, card.url, part, progress, signal)
  await verify(card, part)
  const installed = await installModel(dir, card, part)
  await rm(part, { force: true })
  return installed
}

function pullable(id: string): ModelCard {
  const card = PULLABLE.find((known) => known.id === id)
  if (card) return card
  throw new Halt('model.not-pullable', `No address of ${JSON.stringify(id)} is known`, `Known are: ${PULLABLE.map((known) => known.id).join(', ')}. Or: sluice model add FILE`)
}

async function fetchRest(card: ModelCard, url: string, part: string, progress: (bytes: number) => void, signal: AbortSignal | undefined): Promise<void> {
  const have = await lengthOf(part)
  if (have === card.bytes) return
  const agent = new Agent({ connectTimeout: SILENCE_MS, headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS })
  try {
    const response = await request(url, have < card.bytes ? have : 0, agent, signal)
    const from = response.status === 206 ? have : 0
    const file = createWriteStream(part, { flags: from > 0 ? 'a' : 'w', flush: true })
    await pipeline(Readable.fromWeb(response.body!), counted(card, from, progress), file)
    if (await lengthOf(part) < card.bytes) throw new Error('the file was cut off')
  } catch (error) {
    throw failed(card, reasonOf(error), error)
  } finally {
    await agent.destroy()
  }
}

async function request(url: string, from: number, dispatcher: Agent, signal: AbortSignal | undefined): Promise<Response> {
  const headers = from > 0 ? { range: `bytes=${from}-` } : {}
  const response = await fetch(url, { dispatcher, redirect: 'follow', headers, ...(signal ? { signal } : {}) })
  if (response.ok && response.body) return response
  throw new Error(`the server answered ${response.status} ${response.statusText}`)
}

/** Tells the progress, and refuses more than the card says. */
function counted(card: ModelCard, from: number, progress: (bytes: number) => void): Transform {
  let bytes = from
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      progress(bytes)
      if (bytes > card.bytes) done(new Error(`the file is longer than ${card.bytes} bytes`))
      else done(null, chunk)
    },
  })
}

/** A wrong file is removed: going on from it would never succeed. */
async function verify(card: ModelCard, part: string): Promise<void> {
  const found = await sha256OfFile(part)
  if (found === card.sha256) return
  await rm(part, { force: true })
  throw failed(card, `the file's SHA-256 is ${found}, not ${card.sha256}`)
}

async function lengthOf(path: string): Promise<number> {
  return stat(path).then(({ size }) => size, () => 0)
}

function failed(card: ModelCard, reason: string, cause?: unknown): Halt {
  return new Halt('model.pull-failed', `${card.id} could not be fetched: ${reason}`, `Run it again to go on where it stopped, or fetch ${card.url} yourself and run: sluice model add FILE --id ${card.id}`, { cause })
}
