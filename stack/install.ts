/** Everything the parts are made of, downloaded once into the cache that all checkouts share. */
import { chmod, rename, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { cacheFolder, workFolder } from '../bin/cache.mjs'
import { withLock } from '../bin/lock.mjs'
import { Halt, reasonOf } from '#runtime/errors.ts'
import { ARTIFACTS } from './artifacts.ts'
import type { Part, Progress } from './part.ts'
import { ensureTools, type ToolName } from './tools.ts'

/** Where to find what the parts run. */
export interface Programs {
  java: string
  /** Differs between two builds of Java: class-data archives of one cannot be used by the other. */
  javaId: string
  /** The unpacked folder of each part. */
  homes: Readonly<Partial<Record<Part, string>>>
  cache: string
}

type Report = (progress: Progress) => void

/**
 * Makes sure that the parts can run: tools of the system, and each part's files, complete and checked.
 * @throws Halt `stack.tool-missing`, `stack.download-failed`
 */
export async function installParts(parts: readonly Part[], report: Report): Promise<Programs> {
  const cache = cacheFolder()
  const tools = await ensureTools(toolsFor(parts, cache), report)
  const homes = await Promise.all(parts.map(async (part) => [part, await install(part, cache, report)] as const))
  const java = tools.get('java')
  return { java: java?.command ?? 'java', javaId: idOf(java?.text ?? ''), homes: Object.fromEntries(homes), cache }
}

/** The folder of a part's files in the cache, whether it is there or not. */
export function homeOf(part: Part, cache = cacheFolder()): string {
  return join(cache, ARTIFACTS[part].name)
}

/** The tools that download a part are needed only as long as it is not there. */
function toolsFor(parts: readonly Part[], cache: string): ToolName[] {
  const names = new Set<ToolName>(['ffmpeg', 'ffprobe']) // not ours, but nothing of the pipeline works without them
  for (const part of parts) {
    if (part !== 'postgres') names.add('java')
    if (!existsSync(homeOf(part, cache))) names.add(ARTIFACTS[part].fetchedBy)
  }
  return [...names]
}

async function install(part: Part, cache: string, report: Report): Promise<string> {
  const home = homeOf(part, cache)
  if (existsSync(home)) return home
  const { title, megabytes } = ARTIFACTS[part]
  const onWait = (): void => report({ part, step: 'install', note: `Waiting for another process to download ${title}` })
  await withLock(`${home}.lock`, async () => {
    if (existsSync(home)) return
    const startedMs = performance.now()
    report({ part, step: 'install', note: `Downloading ${title} (${megabytes} MB, once)` })
    await installNow(part, home, cache)
    report({ part, step: 'install', note: `${title} is installed (${((performance.now() - startedMs) / 1000).toFixed(1)} s)` })
  }, { onWait })
  return home
}

/** Built beside its place and moved there when complete: a folder that exists is whole. */
async function installNow(part: Part, home: string, cache: string): Promise<void> {
  const { title, build, fetchedBy } = ARTIFACTS[part]
  const work = await workFolder(cache)
  try {
    await build(work, join(work, 'home'))
    await chmod(join(work, 'home'), 0o755)
    await rename(join(work, 'home'), home)
  } catch (error) {
    throw new Halt('stack.download-failed', `${title} could not be downloaded: ${reasonOf(error)}`,
      `Check that ${fetchedBy} reaches its registry, then run the same command again.`, { cause: error })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Of what Java says of itself, without the line about options that it found in the environment. */
function idOf(text: string): string {
  const own = text.split('\n').filter((line) => !line.startsWith('Picked up')).join('\n')
  return createHash('sha256').update(own).digest('hex').slice(0, 10)
}
