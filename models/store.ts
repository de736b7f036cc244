/**
 * The folder of installed models: `<id>/model.onnx` and `<id>/card.json`. A model appears there whole or not at all:
 * both files are written to a temporary folder, synced, and the folder is renamed.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, open, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Halt } from '../runtime/errors.ts'
import { MODEL_ID, parseCard, type ModelCard } from './card.ts'
import { knownCard } from './catalogue.ts'
import { DESCRIPTOR_ID, descriptorModel } from './descriptor/card.ts'

export type ModelState = 'ready' | 'file-missing' | 'file-changed'

export interface InstalledModel {
  card: ModelCard
  /** Path of the ONNX file. */
  path: string
}

const MAX_CARD_BYTES = 64 * 1024
const MAX_ATTEMPTS = 5

export const modelPath = (dir: string, id: string): string => join(dir, id, 'model.onnx')
export const cardPath = (dir: string, id: string): string => join(dir, id, 'card.json')

/**
 * Installed models by id, the built-in one first even before its file is made.
 * @throws Halt `model.card-invalid`, `model.unreadable`
 */
export async function listModels(dir: string): Promise<InstalledModel[]> {
  const names = await namesIn(dir)
  const others = names.filter((name) => MODEL_ID.test(name) && name !== DESCRIPTOR_ID).sort()
  const cards = await Promise.all(others.map((id) => installedCard(dir, id)))
  return [descriptorModel().card, ...cards.filter((card) => card !== undefined)].map((card) => ({ card, path: modelPath(dir, card.id) }))
}

/** A model's card and whether its file is there and unchanged; undefined when nothing is known of it. Reads the whole file. */
export async function describeModel(dir: string, id: string): Promise<(InstalledModel & { state: ModelState }) | undefined> {
  const card = id === DESCRIPTOR_ID ? descriptorModel().card : (await installedCard(dir, id)) ?? knownCard(id)
  if (card === undefined) return undefined
  const path = modelPath(dir, id)
  return { card, path, state: await stateOf(path, card) }
}

/** The card as it was installed; undefined when the model is not. The folder's name must be the card's id. */
export async function installedCard(dir: string, id: string): Promise<ModelCard | undefined> {
  if (!MODEL_ID.test(id)) return undefined
  const path = cardPath(dir, id)
  try {
    if ((await stat(path)).size > MAX_CARD_BYTES) throw invalidCard(path, `it is larger than ${MAX_CARD_BYTES} bytes`)
    return checkedCard(path, id, await readFile(path, 'utf8'))
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error instanceof Halt ? error : unreadable(path, error)
  }
}

/** Reads a card's text, found at `path`. */
export function checkedCard(path: string, id: string, text: string): ModelCard {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw invalidCard(path, (error as Error).message)
  }
  const card = parseCard(json)
  if (card.id !== id) throw invalidCard(path, `it is the card of ${card.id}`)
  return card
}

/**
 * Puts a model in place; `source` is a path to copy or the bytes themselves. Installing the same model again is harmless.
 * @throws Halt `model.id-taken` when another file has this id
 */
export async function installModel(dir: string, card: ModelCard, source: string | Buffer): Promise<InstalledModel> {
  const path = modelPath(dir, card.id)
  const present = await presentCard(dir, card.id)
  if (present !== undefined && present.sha256 !== card.sha256) throw idTaken(dir, card.id)
  if (present !== undefined && await isInstalled(dir, card)) return { card, path }
  const temporary = join(dir, `.${card.id}.${randomUUID()}`)
  try {
    await mkdir(temporary, { recursive: true })
    await writeModel(join(temporary, 'model.onnx'), source)
    await writeFile(join(temporary, 'card.json'), `${JSON.stringify(card, null, 2)}\n`, { flush: true })
    await replaceFolder(temporary, dir, card)
  } catch (error) {
    throw unreadable(dir, error)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return { card, path }
}

/** Makes the built-in model's file when it is absent or of another version of this program. */
export async function ensureDescriptor(dir: string): Promise<InstalledModel> {
  const { card, bytes } = descriptorModel()
  const path = modelPath(dir, card.id)
  if (await stateOf(path, card) === 'ready') return { card, path }
  return installModel(dir, card, bytes)
}

/** Compares length and SHA-256 with the card. */
export async function stateOf(path: string, card: ModelCard): Promise<ModelState> {
  try {
    const { size } = await stat(path)
    return size === card.bytes && await sha256OfFile(path) === card.sha256 ? 'ready' : 'file-changed'
  } catch (error) {
    if (isAbsent(error)) return 'file-missing'
    throw unreadable(path, error)
  }
}

/** Hexadecimal. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** A damaged card of the built-in model is no obstacle: it is made anew. */
async function presentCard(dir: string, id: string): Promise<ModelCard | undefined> {
  if (id === DESCRIPTOR_ID) return undefined
  return installedCard(dir, id)
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    if (isAbsent(error)) return []
    throw unreadable(dir, error)
  }
}

async function writeModel(path: string, source: string | Buffer): Promise<void> {
  if (typeof source !== 'string') return writeFile(path, source, { flush: true })
  await copyFile(source, path)
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * Two processes may install at once:
 * 1. both find the folder absent and write temporary folders
 * 2. the first renames its own into place
 * 3. the second's rename fails, since the target is no longer empty; it finds the very same model there and is content
 * A folder that holds anything else (a damaged file, an older card) is moved aside, and the rename tried again.
 */
async function replaceFolder(temporary: string, dir: string, card: ModelCard): Promise<void> {
  const target = join(dir, card.id)
  for (let attempt = 0; ; attempt++) {
    try {
      return await rename(temporary, target)
    } catch (error) {
      const isTaken = ['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')
      if (!isTaken || attempt === MAX_ATTEMPTS) throw error
      if (await isInstalled(dir, card)) return
      await setAside(target, `${temporary}.old`)
    }
  }
}

async function isInstalled(dir: string, card: ModelCard): Promise<boolean> {
  const present = card.id === DESCRIPTOR_ID ? card : await installedCard(dir, card.id)
  return isDeepStrictEqual(present, card) && await stateOf(modelPath(dir, card.id), card) === 'ready'
}

async function setAside(target: string, aside: string): Promise<void> {
  try {
    await rename(target, aside)
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
  await rm(aside, { recursive: true, force: true })
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
}

function invalidCard(path: string, problem: string): Halt {
  return new Halt('model.card-invalid', `The card ${path} is invalid: ${problem}`, 'Install the model again, or correct its card.')
}

function unreadable(path: string, cause: unknown): Halt {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new Halt('model.unreadable', `${path}: ${reason}`, 'Correct SLUICE_MODELS or the permissions of that folder.', { cause })
}

function idTaken(dir: string, id: string): Halt {
  return new Halt(
    'model.id-taken', `Another file is installed as ${id}`,
    `Give the card another id, or remove ${join(dir, id)} first: vectors of different files must not share an id.`,
  )
}
