/** A Node that runs our TypeScript as it is written: the running one, or one from the npm registry, kept in the cache. */
import { existsSync } from 'node:fs'
import { chmod, rename, rm, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { cacheFolder, workFolder } from './cache.mjs'
import { withLock } from './lock.mjs'
import { npm, output } from './npm.mjs'

export const MAJOR = 24

/** Path of a Node >= 24. Downloads it, once for all checkouts, when the running one is older. */
export async function node24(say) {
  if (majorOf(process.version) >= MAJOR) return process.execPath
  const cache = cacheFolder()
  const name = `node-${process.platform}-${process.arch}`
  const home = join(cache, `node-${MAJOR}-${process.platform}-${process.arch}`)
  const node = join(home, 'node_modules', name, 'bin', 'node')
  if (!existsSync(node)) {
    const onWait = () => say(`Waiting for another process to download Node ${MAJOR}`)
    await withLock(`${home}.lock`, () => (existsSync(node) ? undefined : download(name, home, cache, say)), { onWait })
  }
  return node
}

/** Installed beside its place and run once; moved there only when it works. */
async function download(name, home, cache, say) {
  say(`Node ${process.version} is too old: downloading Node ${MAJOR} (about 50 MB, once)`)
  const work = await workFolder(cache)
  try {
    await writeFile(join(work, 'package.json'), '{"private":true}')
    await npm(['install', '--prefix', work, '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', `${name}@${MAJOR}`], work)
    await checkVersion(join(work, 'node_modules', name, 'bin', 'node'))
    await chmod(work, 0o755)
    await rm(home, { recursive: true, force: true })
    await rename(work, home)
  } catch (error) {
    throw new Error(`Node ${MAJOR} could not be downloaded; install Node ${MAJOR} or later and run this again.\n${error.message}`)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function checkVersion(node) {
  await chmod(node, 0o755)
  const version = await output(node, ['--version'])
  if (majorOf(version) < MAJOR) throw new Error(`the downloaded Node says that it is ${version}`)
}

function majorOf(version) {
  return Number(/^v(\d+)/.exec(version)?.[1] ?? 0)
}

/** The environment in which `node` means this Node, for whatever the program starts in its turn. */
export function withNodeFirst(node, env = process.env) {
  return { ...env, PATH: [dirname(node), env.PATH].filter(Boolean).join(delimiter) }
}
