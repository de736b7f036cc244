/** The programs of the system that the stack and the pipeline need: which, how old they may be, how to get them. */
import type { Progress } from './part.ts'
import { join } from 'node:path'
import { Halt } from '#runtime/errors.ts'
import { aptInstall, canInstall } from './apt.ts'
import { attempt } from './command.ts'

export type ToolName = 'java' | 'maven' | 'pip' | 'ffmpeg' | 'ffprobe'

interface Tool {
  title: string
  /** Arguments that make it print its version. */
  args: readonly string[]
  /** The version in what it prints. */
  pattern: RegExp
  floor: string
  /** Debian packages that hold it; the first one that the system knows is installed. */
  packages: readonly string[]
}

export const TOOLS: Readonly<Record<ToolName, Tool>> = {
  java: {
    title: 'Java', floor: '17', args: ['-version'], pattern: /version "([^"]+)"/,
    packages: ['openjdk-17-jre-headless', 'openjdk-21-jre-headless', 'default-jre-headless'],
  },
  maven: { title: 'Maven', floor: '3.6', args: ['--version'], pattern: /Apache Maven ([\d.]+)/, packages: ['maven'] },
  pip: { title: 'pip for Python 3', floor: '20.3', args: ['-m', 'pip', '--version'], pattern: /^pip ([\d.]+)/m, packages: ['python3-pip'] },
  ffmpeg: { title: 'ffmpeg', floor: '5.1', args: ['-version'], pattern: /^ffmpeg version n?(\S+)/m, packages: ['ffmpeg'] },
  ffprobe: { title: 'ffprobe', floor: '5.1', args: ['-version'], pattern: /^ffprobe version n?(\S+)/m, packages: ['ffmpeg'] },
}

/** What the system has under a tool's name. */
export interface Found {
  name: ToolName
  command: string
  state: 'ok' | 'missing' | 'too-old'
  version?: string
  /** All that it printed when asked for its version; tells two builds apart. */
  text: string
}

/** Looks a tool up by running it. */
export async function findTool(name: ToolName, env: NodeJS.ProcessEnv = process.env): Promise<Found> {
  const { args, pattern, floor } = TOOLS[name]
  const command = commandOf(name, env)
  const { code, stdout, stderr } = await attempt(command, args, { timeoutMs: 20_000, env })
  const text = stdout + stderr
  const version = code === 0 ? pattern.exec(text)?.[1] : undefined
  if (version === undefined) return { name, command, state: 'missing', text }
  return { name, command, version, text, state: isAtLeast(version, floor) ? 'ok' : 'too-old' }
}

function commandOf(name: ToolName, env: NodeJS.ProcessEnv): string {
  if (name === 'java') return env.JAVA_HOME ? join(env.JAVA_HOME, 'bin', 'java') : 'java'
  if (name === 'maven') return 'mvn'
  return name === 'pip' ? 'python3' : name
}

/**
 * Compares the leading numbers of two versions. A version without numbers, as of an ffmpeg built from a branch
 * (`N-112233-gabc`, `git-2024-…`), cannot be judged and passes.
 */
export function isAtLeast(version: string, floor: string): boolean {
  if (!/^\d/.test(version)) return true
  const found = version.split(/[^\d]+/).map(Number)
  const wanted = floor.split('.').map(Number)
  for (const [i, number] of wanted.entries()) {
    if ((found[i] ?? 0) !== number) return (found[i] ?? 0) > number
  }
  return true
}

/**
 * The tools, all present and new enough. What is missing is installed by apt where that is possible: as root on a
 * Debian system.
 * @throws Halt `stack.tool-missing`
 */
export async function ensureTools(names: readonly ToolName[], report: (progress: Progress) => void): Promise<Map<ToolName, Found>> {
  let found = await Promise.all(names.map((name) => findTool(name)))
  const lacking = found.filter(({ state }) => state === 'missing')
  if (lacking.length > 0 && (await canInstall())) {
    const packages = lacking.map(({ name }) => TOOLS[name].packages)
    report({ part: 'tools', step: 'install', note: `Installing ${lacking.map(({ name }) => TOOLS[name].title).join(', ')} by apt` })
    await aptInstall(packages)
    found = await Promise.all(names.map((name) => findTool(name)))
  }
  const bad = found.filter(({ state }) => state !== 'ok')
  if (bad.length > 0) throw missing(bad)
  return new Map(found.map((tool) => [tool.name, tool]))
}

function missing(bad: readonly Found[]): Halt {
  const what = bad.map(({ name, version }) => `${TOOLS[name].title} ${TOOLS[name].floor} or later (${version ? `found ${version}` : 'not found'})`)
  return new Halt('stack.tool-missing', `needed: ${what.join(', ')}`, remedyFor(bad.map(({ name }) => name)))
}

/** One sentence that says what to install. */
export function remedyFor(names: readonly ToolName[]): string {
  const packages = [...new Set(names.map((name) => TOOLS[name].packages[0]))]
  return `Install ${packages.join(' ')} (Debian's names; other systems have their own), then run the same command again.`
}
