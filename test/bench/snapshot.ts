/**
 * A snapshot of dedupe's state written and read back, at one million originals and at 6.1 million, against building the
 * state by applying the same entries (which is what a restart without one does, besides reading and decoding them).
 */
import { mkdtempSync, rmSync, statSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { crc32 } from 'node:zlib'
import { systemClock } from '#runtime/clock.ts'
import type { StatefulProcessor } from '#runtime/define/processor.ts'
import { createLog } from '#runtime/log.ts'
import { Snapshots } from '#runtime/state/snapshots.ts'
import { dedupe } from '#processors/dedupe/processor.ts'
import type { DedupeState } from '#processors/dedupe/state.ts'
import type { DedupeDecided } from '#schemas'
import type { Bench, Metric } from './result.ts'

const SIZES = [1_000_000, 6_100_000]
/** Applied between two turns of the event loop. */
const SLICE = 5_000

export const snapshot: Bench = {
  name: 'snapshot',
  about: 'dedupe\'s state at 1 and 6.1 million originals: a snapshot written and read back, against applying the changelog\'s entries again.',
  async run() {
    const metrics: Metric[] = []
    let verified = true
    for (const size of SIZES) {
      const outcome = await measure(size)
      metrics.push(...outcome.metrics)
      verified &&= outcome.isSame
    }
    return {
      verified, metrics,
      notes: [
        'Verified: the state read back gives the same bytes, part for part, and knows a sample of the assets.',
        'write: decisions rest for so long; the file then goes to the disk in the background. blocked: longest turn of the event loop meanwhile (heartbeats).',
        'Baseline of restore: applying the same entries, already decoded, without reading them from Kafka.',
      ],
    }
  },
}

async function measure(size: number): Promise<{ metrics: Metric[]; isSame: boolean }> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  try {
    const millions = `${size / 1e6} M`
    const parts = { dir, groupId: 'bench.dedupe', processor: dedupe as unknown as StatefulProcessor, changelogId: async () => 'bench', everyOffsets: 1, clock: systemClock, log: createLog('bench', 'warn') }
    const built = await timed(() => build(size))
    const before = fingerprintOf(built.value)
    const written = await timed(() => new Snapshots(parts).saveWhenDue(0, { state: built.value, changelogNext: size, position: size }))
    const synced = await timed(() => waitForFile(dir))
    const bytes = statSync(join(dir, readdirSync(dir)[0]!)).size
    built.value = undefined as never // one state at a time fits a small machine
    const read = await timed(() => new Snapshots(parts).load(0))
    const state = read.value?.state as DedupeState
    const isSame = read.value?.changelogNext === size && fingerprintOf(state) === before && [0, size >> 1, size - 1].every((number) => state.recall(idOf(number))?.relation === 'original')
    return {
      isSame,
      metrics: [
        { name: `write, ${millions}`, value: written.ms, unit: 'ms' },
        { name: `to the disk, ${millions}`, value: synced.ms, unit: 'ms' },
        { name: `blocked by writing, ${millions}`, value: written.blockedMs, unit: 'ms', target: '≤ 50', met: written.blockedMs <= 50 },
        { name: `restore, ${millions}`, value: read.ms, unit: 'ms', baseline: built.ms, ratio: read.ms / built.ms, target: '≤ 10,000', met: read.ms <= 10_000 },
        { name: `blocked by restoring, ${millions}`, value: read.blockedMs, unit: 'ms', target: '≤ 50', met: read.blockedMs <= 50 },
        { name: `file, ${millions}`, value: bytes / 1e6, unit: 'MB' },
        { name: `memory of arrays after restore, ${millions}`, value: process.memoryUsage().arrayBuffers / 1e6, unit: 'MB' },
      ],
    }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number; blockedMs: number }> {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const startedMs = performance.now()
  const value = await work()
  const ms = performance.now() - startedMs
  delay.disable()
  return { value, ms, blockedMs: delay.max / 1e6 }
}

/** Renamed into its place once it is on the disk. */
async function waitForFile(dir: string): Promise<void> {
  while (readdirSync(dir).some((name) => name.endsWith('.tmp'))) await systemClock.sleep(5)
}

/** Originals with one picture each. Their hashes are random, as those of different pictures are. */
async function build(size: number): Promise<DedupeState> {
  const state = dedupe.state.open()
  const random = randomBytes()
  for (let number = 0; number < size; number++) {
    state.apply(entryOf(number, random))
    if (number % SLICE === 0) await systemClock.sleep(0)
  }
  return state
}

function idOf(number: number): string {
  return `0190a000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
}

function entryOf(number: number, random: () => Buffer): DedupeDecided {
  return {
    assetId: idOf(number), sequence: number + 1, kind: 'image', content: random(), relation: 'original', of: null, distance: null, evidence: 'nothing alike',
    matched: null, timeOffsetMicros: null, acoustic: null, durationMicros: null,
    frames: [{ ptsMicros: 0, blob: random(), pixels: random(), blockhash: random(), pdq: random(), quality: 100 }],
  }
}

/** 32 bytes a call (xorshift, Marsaglia 2003). */
function randomBytes(): () => Buffer {
  let state = 0x9e3779b9
  return () => {
    const words = new Int32Array(8)
    for (let word = 0; word < 8; word++) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      words[word] = Math.imul(state, 0x2545f491)
    }
    return Buffer.from(words.buffer)
  }
}

/** Of every byte of the state. */
function fingerprintOf(state: DedupeState): string {
  let sum = 0
  let bytes = 0
  for (const { buffer, byteOffset, byteLength } of state.parts()) {
    sum = crc32(new Uint8Array(buffer, byteOffset, byteLength), sum)
    bytes += byteLength
  }
  return `${bytes} ${sum}`
}
