/** Whether a stage's memory grows with the records it has seen. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Metric } from '../result.ts'
import { startStage } from './child.ts'
import type { Ground } from './ground.ts'
import { median } from './median.ts'
import { createTopics, fill, idOf, parcelTopic, TEXT_BYTES } from './parcels.ts'

/** In the circle at any time. */
const CIRCLING = 20_000
const LOOK_MS = 500
const DEADLINE_MS = 1_800_000

/**
 * The stage writes to the topic that it reads, so the same records come round until `count` have passed. Their text
 * repeats itself: the disk gets a tenth of what the stage handles.
 */
export async function measureMemory(ground: Ground, count: number): Promise<{ verified: boolean; metrics: Metric[] }> {
  const topic = parcelTopic('parcel.circled')
  await createTopics(ground, [topic])
  await fill(ground, { topic, count: CIRCLING, parcel: (n) => ({ id: idOf(n), text: n.toString(16).padStart(8, '0').repeat(TEXT_BYTES / 8) }) })
  const child = startStage({ kind: 'stateless', brokers: ground.brokers, registryUrl: ground.registryUrl, app: 'memory', reads: topic.name, writes: topic.name, partitions: 6 })
  const samples: { written: number; bytes: number }[] = []
  const startedMs = performance.now()
  try {
    let { written, dead } = await child.next('progress')
    while (written < count) {
      if (performance.now() - startedMs > DEADLINE_MS) throw new Error(`only ${written} of ${count} records passed in ${DEADLINE_MS} ms`)
      samples.push({ written, bytes: child.rssBytes() })
      ;({ written, dead } = await child.next('progress'))
      await wait(LOOK_MS)
    }
    return { verified: dead === 0, metrics: metricsOf(samples, written) }
  } finally {
    await child.stop()
    await ground.connection.admin.deleteTopics({ topics: [topic.name] })
  }
}

/** A heap breathes, so medians are compared: of the second tenth of the records and of the last. */
function metricsOf(samples: { written: number; bytes: number }[], total: number): Metric[] {
  const between = (from: number, to: number): number => median(samples.filter(({ written }) => written >= from * total && written < to * total).map(({ bytes }) => bytes))
  const [early, late] = [between(0.1, 0.2), between(0.9, 1)]
  const growth = late / early - 1
  return [
    { name: 'memory_growth', value: growth, unit: '', target: '≤ 0.10', met: growth <= 0.1 },
    { name: 'memory_mib', value: late / 2 ** 20, unit: 'MiB', baseline: early / 2 ** 20 },
    { name: 'memory_records', value: total, unit: '' },
  ]
}
