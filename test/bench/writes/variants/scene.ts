/** Designs on one ground: each gets a database of its own, is filled, and then measured window after window. */
import { freshDatabase, onServer } from '#test/support/database.ts'
import { openGround, type Ground, type GroundOptions } from '../ground/ground.ts'
import type { VariantFigures } from '../report/variant-figures.ts'
import type { Subject } from '../subjects/subject.ts'
import { nothing, type Experiment, type World } from './experiment.ts'
import { costOfCalls, figuresOf, measureWindow, type Window } from './window.ts'

export interface Scene {
  ground: GroundOptions
  parts: Part[]
}

export interface Part {
  subject: Subject
  preloaded: number
  windows: WindowPlan[]
}

export interface WindowPlan {
  /** As it can be asked for: `preloaded/sluice/100000`. */
  name: string
  about: string
  rowsPerCommit: number
  assets: number
  /** After the writing, before the settling: such as a reader. */
  then?(databaseUrl: string): Promise<void>
  /** Also counts system calls, in a second window of so many assets. */
  traced?: number
}

const GIB = 2 ** 30

/** A window of 200,000 assets writes some 350 MB of WAL: half of the device is the most that lies between two checkpoints. */
export const ROOM: GroundOptions = { dataBytes: 16 * GIB, walBytes: 6 * GIB, walPoolBytes: GIB }
export const ROOM_IN_FULL: GroundOptions = { ...ROOM, dataBytes: 40 * GIB, walBytes: 12 * GIB }

export function sceneExperiment({ ground: options, parts }: Scene): Experiment {
  return {
    names: parts.flatMap(({ windows }) => windows.map(({ name }) => name)),
    async run(world) {
      const wanted = parts.map((part) => ({ ...part, windows: part.windows.filter(({ name }) => world.wants(name)) })).filter(({ windows }) => windows.length > 0)
      const outcome = nothing()
      await onGround(options, world, async (ground) => {
        for (const part of wanted) outcome.variants.push(...await runPart(ground, part, world))
      })
      return outcome
    },
  }
}

/** Opens a ground, and undoes it whatever comes of the work. */
export async function onGround<T>(options: GroundOptions, world: World, work: (ground: Ground) => Promise<T>): Promise<T> {
  const ground = await openGround({ ...options, log: world.log })
  try {
    return await work(ground)
  } finally {
    await ground.close()
  }
}

/** A database that is dropped after the work. */
export async function onDatabase<T>(ground: Ground, work: (databaseUrl: string) => Promise<T>): Promise<T> {
  const databaseUrl = await freshDatabase(ground.databaseUrl)
  try {
    return await work(databaseUrl)
  } finally {
    await onServer(ground.databaseUrl, `drop database if exists ${new URL(databaseUrl).pathname.slice(1)} with (force)`)
  }
}

async function runPart(ground: Ground, { subject, preloaded, windows }: Part, world: World): Promise<VariantFigures[]> {
  return onDatabase(ground, async (databaseUrl) => {
    if (preloaded > 0) world.log(`${subject.name}: filling with ${preloaded.toLocaleString('en')} rows`)
    await subject.prepare(databaseUrl, preloaded)
    const place: Place = { ground, databaseUrl, subject, stored: preloaded }
    const figures = []
    for (const plan of windows) figures.push(await runWindow(place, plan, world))
    return figures
  })
}

interface Place {
  ground: Ground
  databaseUrl: string
  subject: Subject
  /** Assets in the tables: the next window writes those after them. */
  stored: number
}

async function runWindow(place: Place, plan: WindowPlan, world: World): Promise<VariantFigures> {
  const { name, about, rowsPerCommit, assets, traced } = plan
  const labels = { name, about, design: place.subject.design, rowsPerCommit, preloadedRows: place.stored, assets }
  world.log(`${name}: ${assets.toLocaleString('en')} assets`)
  const figures = figuresOf(labels, await writeWindow(place, plan, false), world.arrays)
  if (traced === undefined) return figures
  world.log(`${name}: ${traced.toLocaleString('en')} more, for the system calls`)
  const { layers: { systemCalls } } = await writeWindow(place, { ...plan, assets: traced }, true)
  return { ...figures, systemCalls: costOfCalls(systemCalls, assets / traced) }
}

/** The next assets, in a window; read back and compared after it. */
async function writeWindow(place: Place, { assets, rowsPerCommit, then }: WindowPlan, systemCalls: boolean): Promise<Window> {
  const { ground, databaseUrl, subject } = place
  const range = { from: place.stored, count: assets }
  const window = await measureWindow(ground, {
    databaseUrl, systemCalls,
    async write() {
      await subject.write(databaseUrl, range, rowsPerCommit)
      await then?.(databaseUrl)
    },
    settle: () => subject.settle(databaseUrl),
  })
  place.stored += assets
  await subject.verify(databaseUrl, range, place.stored)
  return window
}
