/** Whether the sink's memory is bounded: a topic of twice the rows must not take more of it. */
import { store } from '#processors/store/processor.ts'
import type { Metric } from '../result.ts'
import { holdsRows } from './contents.ts'
import { fill } from './fill.ts'
import type { Ground } from './ground.ts'
import { runSink } from './sink-run.ts'
import type { Subject } from './subject.ts'

/** Batches in memory at once: one gathers, one is stored, one is announced (`runtime/loop/sink-limits.ts`). */
const BATCHES = 3
/**
 * What is held is counted as bytes of records and rows; as objects, and with what the collector has not freed yet, it takes
 * so many times as much.
 */
const OBJECTS = 2
/** Code, connections, and chunks on their way. */
const PROCESS_BYTES = 256 << 20

export interface Memory { verified: boolean; metrics: Metric[]; notes: string[] }

/** The subject's topic holds `rows` already, and a run over them took `peakRssBytes` at most. */
export async function measureMemory(ground: Ground, subject: Subject, rows: number, peakRssBytes: number): Promise<Memory> {
  await fill(ground, { topic: subject.topic, valueOf: subject.valueOf, from: rows, count: rows })
  return ground.withDatabase(subject, async (databaseUrl) => {
    const run = await runSink(ground, subject, { databaseUrl, count: 2 * rows, app: 'memory' })
    const bound = PROCESS_BYTES + OBJECTS * BATCHES * store.commit.raid5.maxBytes
    const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20)
    return {
      verified: await holdsRows(databaseUrl, subject, 2 * rows, await subject.tagNumbers(databaseUrl)),
      metrics: [
        { name: 'peak_rss_mib', value: mebibytes(run.peakRssBytes), unit: 'MiB', baseline: mebibytes(peakRssBytes), ratio: run.peakRssBytes / peakRssBytes, target: `≤ ${mebibytes(bound).toLocaleString('en')}`, met: run.peakRssBytes <= bound },
        { name: 'rows_per_s_twice_the_rows', value: run.rowsPerSecond, unit: '/s' },
      ],
      notes: [`Memory: the peak of a run over twice the rows, against that of the first run. Bound: ${mebibytes(PROCESS_BYTES)} MiB and ${OBJECTS} times ${BATCHES} batches of ${mebibytes(store.commit.raid5.maxBytes)} MiB.`],
    }
  })
}
