/** `sluice model`: the models that embed can use. */
import type { Command } from 'commander'
import { readFile } from 'node:fs/promises'
import { screenOf, settings, withScreen } from '../command.ts'
import { EXIT, UsageError } from '../failure.ts'
import { columns, type Screen } from '../screen.ts'

export function model(program: Command): void {
  const group = program.command('model').description('list, add, fetch and check models').exitOverride()
  withScreen(group.command('ls')).description('list installed models and those that can be fetched')
    .action((_, command: Command) => list(screenOf(command)))
  withScreen(group.command('add')).description('install an ONNX image encoder').argument('<file>', 'the ONNX file; it is copied')
    .option('--card <file>', 'its card, JSON').option('--id <id>', 'its name')
    .action((file: string, options: { card?: string; id?: string }, command: Command) => add(file, options, screenOf(command)))
  withScreen(group.command('pull')).description('fetch a known model; goes on where it was interrupted').argument('<id>')
    .action((id: string, _, command: Command) => pull(id, screenOf(command)))
  withScreen(group.command('verify')).description('compare models with their cards').argument('[id...]', 'all by default')
    .action((ids: string[], _, command: Command) => verify(ids, screenOf(command)))
}

async function list(screen: Screen): Promise<void> {
  const config = await settings()
  const [{ listModels }, { PULLABLE }, { default: prettyBytes }] = await Promise.all([import('../../models/store.ts'), import('../../models/catalogue.ts'), import('pretty-bytes')])
  const installed = (await listModels(config.modelsDir)).map(({ card }) => ({ card, state: 'installed' }))
  const others = PULLABLE.filter(({ id }) => installed.every(({ card }) => card.id !== id)).map((card) => ({ card, state: 'can be fetched' }))
  const models = [...installed, ...others].map(({ card, state }) => ({ id: card.id, state, inUse: card.id === config.model, dimensions: card.dimensions, bytes: card.bytes, licence: card.licence, description: card.description }))
  screen.answer(models, () => columns(models.map(({ id, state, inUse, dimensions, bytes, description }) => [inUse ? '*' : ' ', id, state, `${dimensions}-d`, prettyBytes(bytes), description])))
}

async function add(file: string, { card, id }: { card?: string; id?: string }, screen: Screen): Promise<void> {
  const config = await settings()
  const { addModel } = await import('../../models/add.ts')
  const added = await addModel({
    dir: config.modelsDir, file, ...(id === undefined ? {} : { id }), ...(card === undefined ? {} : { card: await readCard(card) }),
  })
  for (const sentence of added.assumed) screen.note(sentence)
  screen.answer({ id: added.card.id, path: added.path, sha256: added.card.sha256, assumed: added.assumed }, () => `Installed ${added.card.id}. Use it with SLUICE_MODEL=${added.card.id}`)
}

async function readCard(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new UsageError(`${path} is no card: ${(error as Error).message}`)
  }
}

async function pull(id: string, screen: Screen): Promise<void> {
  const config = await settings()
  const [{ pullModel }, { PULLABLE }, { openBar }] = await Promise.all([import('../../models/pull.ts'), import('../../models/catalogue.ts'), import('../bar.ts')])
  const { default: prettyBytes } = await import('pretty-bytes')
  const bar = openBar(screen, id, PULLABLE.find((card) => card.id === id)?.bytes, prettyBytes)
  try {
    const { card, path } = await pullModel({ dir: config.modelsDir, model: id, progress: (bytes) => bar.update(bytes) })
    bar.stop()
    screen.answer({ id: card.id, path }, () => `Installed ${card.id}. Use it with SLUICE_MODEL=${card.id}`)
  } finally {
    bar.stop()
  }
}

async function verify(ids: string[], screen: Screen): Promise<void> {
  const { modelsDir } = await settings()
  const { describeModel, listModels } = await import('../../models/store.ts')
  const wanted = ids.length > 0 ? ids : (await listModels(modelsDir)).map(({ card }) => card.id)
  const states = await Promise.all(wanted.map(async (id) => ({ id, state: (await describeModel(modelsDir, id))?.state ?? 'unknown' })))
  screen.answer(states, () => columns(states.map(({ id, state }) => [id, state])))
  // The built-in model's file is made when it is first needed.
  if (states.some(({ state }) => state === 'file-changed' || state === 'unknown') || (ids.length > 0 && states.some(({ state }) => state !== 'ready'))) process.exitCode = EXIT.no
}
