/**
 * Reads topics with Kafka's own Java client, from the very jars that the broker runs on. Our own reader cannot be the
 * witness, since what it would hide (its filter of aborted records, its parser) is what is being judged.
 *
 * The class is `ReadTopics.java`, run from source by the JDK's launcher. Of what the jars bring along, the console
 * consumer was refused because it does not name the topic, so it takes a JVM for each, and because it ends when nothing
 * came for a while, which on a busy machine is a loss that never was; DumpLogSegments prints keys and values as text.
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { aptInstall, canInstall } from '#stack/apt.ts'
import { attempt } from '#stack/command.ts'
import { installParts } from '#stack/install.ts'
import type { Coordinates, TopicRecord } from './evidence.ts'

export interface Wanted {
  brokers: string
  /** Topics as readers of committed records see them. */
  committed: readonly string[]
  /** Topics of which records of open and aborted transactions are wanted too. */
  uncommitted?: readonly string[]
  groups?: readonly string[]
  deadlineMs?: number
}

export interface JavaView {
  /** By topic; by partition and offset. Every topic that was asked for is there. */
  committed: Map<string, TopicRecord[]>
  /** Everything in the log of these topics, whatever became of its transaction. */
  uncommitted: Map<string, TopicRecord[]>
  /** Last stable offsets of the topics in `committed`. */
  ends: Coordinates[]
  /** Committed positions by group. */
  positions: Map<string, Coordinates[]>
}

const DEADLINE_MS = 60_000

interface RecordLine extends Coordinates { record: 'committed' | 'uncommitted'; timestampMs: number; key: string | null; value: string | null; headers: [string, string | null][] }
type Line = RecordLine | ({ end: 'committed' | 'uncommitted' } & Coordinates) | ({ group: string } & Coordinates) | { done: true }

/** @throws Error when Java cannot read all of it in time, with what Java said */
export async function readWithJava({ brokers, committed, uncommitted = [], groups = [], deadlineMs = DEADLINE_MS }: Wanted): Promise<JavaView> {
  const view = emptyView(committed, uncommitted, groups)
  const wanted = [...committed.map((name) => `committed=${name}`), ...uncommitted.map((name) => `uncommitted=${name}`), ...groups.map((name) => `group=${name}`)]
  let isWhole = false
  await runJava([brokers, String(deadlineMs), ...wanted], deadlineMs * 2, (line) => {
    if ('done' in line) isWhole = true
    else addLine(view, line)
  })
  if (!isWhole) throw new Error('the Java reader ended before its last line')
  for (const records of [...view.committed.values(), ...view.uncommitted.values()]) records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
  return view
}

function emptyView(committed: readonly string[], uncommitted: readonly string[], groups: readonly string[]): JavaView {
  const empty = <T>(names: readonly string[]): Map<string, T[]> => new Map(names.map((name) => [name, []]))
  return { committed: empty(committed), uncommitted: empty(uncommitted), ends: [], positions: empty(groups) }
}

function addLine(view: JavaView, line: Exclude<Line, { done: true }>): void {
  const coordinates = { topic: line.topic, partition: line.partition, offset: line.offset }
  if ('record' in line) view[line.record].get(line.topic)!.push({ ...coordinates, timestampMs: line.timestampMs, key: bytes(line.key), value: bytes(line.value), headers: line.headers.map(([name, value]) => [name, bytes(value)]) })
  else if ('group' in line) view.positions.get(line.group)!.push(coordinates)
  else if (line.end === 'committed') view.ends.push(coordinates)
}

function bytes(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text, 'base64')
}

/** Small and quick to start; the program is compiled in memory each time, which is a third of its second. */
const JAVA_OPTIONS = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error']

const KEPT_CHARS = 4_000

let compiler: Promise<void> | undefined

/** The pipeline runs on a Java runtime; running Java from source takes the compiler of a JDK as well. */
async function ensureCompiler(java: string): Promise<void> {
  if (await hasCompiler(java)) return
  if (await canInstall()) await aptInstall([['openjdk-17-jdk-headless', 'openjdk-21-jdk-headless', 'default-jdk-headless']])
  if (!(await hasCompiler(java))) throw new Error('the fault tests need a JDK, not only a Java runtime: install openjdk-17-jdk-headless')
}

async function hasCompiler(java: string): Promise<boolean> {
  const { stdout } = await attempt(java, ['--list-modules'], { timeoutMs: 20_000 })
  return stdout.includes('jdk.compiler')
}

async function runJava(args: string[], timeoutMs: number, take: (line: Line) => void): Promise<void> {
  const { java, homes } = await installParts(['kafka'], () => {})
  await (compiler ??= ensureCompiler(java))
  const lib = join(homes.kafka!, 'lib')
  const classPath = readdirSync(lib).sort().map((name) => join(lib, name)).join(':')
  const child = spawn(java, [...JAVA_OPTIONS, '-cp', classPath, join(import.meta.dirname, 'ReadTopics.java'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  const ended = new Promise<string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(signal ?? String(code)))
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => { said = (said + chunk.toString('utf8')).slice(-KEPT_CHARS) })
  try {
    for await (const line of createInterface({ input: child.stdout })) take(JSON.parse(line) as Line)
    const end = await ended
    if (end !== '0') throw new Error(`the Java reader ended with ${end}: ${said}`)
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
  }
}
