/** The machine's part of the examination: programs, packages, folders. */
import { constants, existsSync } from 'node:fs'
import { access, statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { cacheFolder } from '../../bin/cache.mjs'
import { reasonOf } from '#runtime/errors.ts'
import { givenAddresses } from '../addresses.ts'
import { ARTIFACTS } from '../artifacts.ts'
import { attempt } from '../command.ts'
import type { Finding } from './finding.ts'
import { homeOf } from '../install.ts'
import { PARTS } from '../part.ts'
import { isOpenToAll, serverUser } from '../parts/postgres-place.ts'
import { findTool, isAtLeast, remedyFor, TOOLS, type ToolName } from '../tools.ts'

const NODE_FLOOR = '24'
/** The first release of Node 24 without known security advisories, as of November 2026. */
const NODE_ADVISED = '24.22.1'
const SHARP_FLOOR = '0.35'
/** Downloads take 0.4 GB; the rest is room for media and topics. */
const DISK_ADVISED_BYTES = 5e9

export async function findNode(version = process.versions.node): Promise<Finding[]> {
  const finding = { part: 'Node', found: version, wanted: `${NODE_FLOOR} or later` }
  if (!isAtLeast(version, NODE_FLOOR)) return [{ ...finding, state: 'too-old', remedy: 'Start sluice by bin/sluice.mjs, which gets a newer one.' }]
  if (isAtLeast(version, NODE_ADVISED)) return [{ ...finding, state: 'ok' }]
  return [{ ...finding, state: 'warning', wanted: NODE_ADVISED, remedy: `Older releases have known security advisories: update to ${NODE_ADVISED} or later.` }]
}

/** A tool that only starts or downloads private parts is no fault where it is not needed. */
export async function findTools(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const needed = neededTools(env)
  return Promise.all((Object.keys(TOOLS) as ToolName[]).map(async (name) => {
    const { state, version } = await findTool(name, env)
    const { title, floor } = TOOLS[name]
    const finding = { part: title, wanted: `${floor} or later`, ...(version === undefined ? {} : { found: version }) }
    if (state === 'ok') return { ...finding, state }
    if (!needed.has(name)) return { ...finding, state: 'ok' as const, found: 'not needed here' }
    return { ...finding, state, remedy: remedyFor([name]) }
  }))
}

function neededTools(env: NodeJS.ProcessEnv): Set<ToolName> {
  const given = givenAddresses(env)
  const cache = cacheFolder(env)
  const own = PARTS.filter((part) => given[part] === undefined)
  const fetchers = own.filter((part) => !existsSync(homeOf(part, cache))).map((part) => ARTIFACTS[part].fetchedBy)
  const java: ToolName[] = own.some((part) => part !== 'postgres') ? ['java'] : []
  return new Set<ToolName>(['ffmpeg', 'ffprobe', ...java, ...fetchers])
}

/** The two packages with native code: they are the ones that a platform or a broken installation may lack. */
export async function findPackages(): Promise<Finding[]> {
  const remedy = 'Remove node_modules and start sluice again: it installs the packages anew.'
  const sharp = await load('sharp', SHARP_FLOOR, remedy, async () => (await import('sharp')).default.versions.sharp ?? '')
  const onnx = await load('onnxruntime-node', '1.20', remedy, async () => {
    const { env } = await import('onnxruntime-node')
    return env.versions.node ?? env.versions.common
  })
  return [sharp, onnx]
}

async function load(part: string, floor: string, remedy: string, version: () => Promise<string>): Promise<Finding> {
  const wanted = `${floor} or later`
  try {
    const found = await version()
    return isAtLeast(found, floor) ? { part, state: 'ok', found, wanted } : { part, state: 'too-old', found, wanted, remedy }
  } catch (error) {
    return { part, state: 'missing', found: reasonOf(error), wanted, remedy }
  }
}

/** util-linux: prlimit bounds the decoders, setpriv ties private parts to their keeper. */
export async function findSandbox(platform = process.platform): Promise<Finding[]> {
  if (platform !== 'linux') return []
  return Promise.all(['prlimit', 'setpriv'].map(async (part): Promise<Finding> => {
    const { code, stdout } = await attempt(part, ['--version'], { timeoutMs: 10_000 })
    const wanted = 'util-linux'
    if (code === 0) return { part, state: 'ok', found: stdout.trim().split(' ').at(-1) ?? '', wanted }
    return { part, state: 'warning', wanted, remedy: 'Install util-linux: without it decoders are not bounded and a crash can leave processes behind.' }
  }))
}

export async function findCache(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const found = cacheFolder(env)
  const folder = nearest(found)
  const finding = { part: 'Cache folder', found, wanted: 'writable' }
  if (!(await isWritable(folder))) return [{ ...finding, state: 'missing', remedy: 'Set SLUICE_CACHE to a folder that you may write.' }]
  if (serverUser() === undefined || isOpenToAll(folder)) return [{ ...finding, state: 'ok' }]
  return [{ ...finding, state: 'missing', wanted: 'open to all users', remedy: 'As root, set SLUICE_CACHE to a folder that every user may enter.' }]
}

export async function findDisk(dir: string, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const places = { 'Disk of data': resolve(dir), 'Disk of downloads': cacheFolder(env) }
  return Promise.all(Object.entries(places).map(async ([part, path]): Promise<Finding> => {
    const { bavail, bsize } = await statfs(nearest(path))
    const finding = { part, found: `${(bavail * bsize / 1e9).toFixed(1)} GB free`, wanted: `${DISK_ADVISED_BYTES / 1e9} GB free` }
    if (bavail * bsize >= DISK_ADVISED_BYTES) return { ...finding, state: 'ok' }
    return { ...finding, state: 'warning', remedy: `Make room on the disk of ${path}.` }
  }))
}

/** The folder itself, or the one above it that exists. */
function nearest(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : nearest(dirname(path))
}

async function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(() => true, () => false)
}
