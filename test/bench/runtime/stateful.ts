/** A stateful stage: records a second through its transactions, and entries a second when it reads its state again. */
import { systemClock } from '#runtime/clock.ts'
import type { Metric } from '../result.ts'
import { startStage } from './child.ts'
import { contentsOf, isSame, type Ground } from './ground.ts'
import { createTopics, fill, idOf, parcelTopic } from './parcels.ts'

export async function measureStateful(ground: Ground, count: number): Promise<{ verified: boolean; metrics: Metric[] }> {
  const reads = parcelTopic('parcel.queued', 1)
  const writes = parcelTopic('parcel.decided', 1)
  const changelog = parcelTopic('parcel.remembered', 1, 'compact')
  await createTopics(ground, [reads, writes, changelog])
  await fill(ground, { topic: reads, count })
  const child = startStage({ ...specOf(ground, 'stateful', reads.name, writes.name, changelog.name), count })
  try {
    const cost = await child.next('cost')
    const [expected, written] = [await contentsOf(ground, reads.name, count), await contentsOf(ground, writes.name, count)]
    const entries = await contentsOf(ground, changelog.name, count + 1) // and the barrier of the take-over
    const perSecond = cost.records / cost.seconds
    return {
      verified: expected.records === count && isSame(written, expected) && entries.ids === count + 1,
      metrics: [
        { name: 'stateful_per_s', value: perSecond, unit: '/s', target: '≥ 10,000', met: perSecond >= 10_000 },
        { name: 'stateful_per_cpu_s', value: cost.records / cost.cpuSeconds, unit: '/s' },
      ],
    }
  } finally {
    await child.stop()
    await ground.connection.admin.deleteTopics({ topics: [reads.name, writes.name, changelog.name] })
  }
}

/** Key and value of an entry have some 80 bytes together. */
export async function measureRestore(ground: Ground, entries: number): Promise<{ verified: boolean; metrics: Metric[] }> {
  const reads = parcelTopic('parcel.awaited', 1)
  const writes = parcelTopic('parcel.answered', 1)
  const changelog = parcelTopic('parcel.recalled', 1, 'compact')
  await createTopics(ground, [reads, writes, changelog])
  await fill(ground, { topic: reads, count: 1 })
  await fill(ground, { topic: changelog, count: entries, parcel: (n) => ({ id: idOf(n), text: '' }), headers: () => ({ 'source-offset': '0' }) })
  // The entries tell of input 0, so the group must stand behind it.
  await ground.connection.admin.setOffsets({ groupId: 'restore.pass', topic: reads.name, partitions: [{ partition: 0, offset: '1' }] })
  const startedMs = systemClock.monotonicMs()
  const child = startStage(specOf(ground, 'restore', reads.name, writes.name, changelog.name))
  try {
    const restore = await child.next('restore')
    const perSecond = entries / restore.seconds
    return {
      verified: restore.entries === entries && restore.different === entries,
      metrics: [
        { name: 'restore_per_s', value: perSecond, unit: '/s', target: '≥ 100,000', met: perSecond >= 100_000 },
        { name: 'restore_per_cpu_s', value: entries / restore.cpuSeconds, unit: '/s' },
        { name: 'restore_from_start_s', value: (systemClock.monotonicMs() - startedMs) / 1000, unit: 's' },
      ],
    }
  } finally {
    await child.stop()
    await ground.connection.admin.deleteTopics({ topics: [reads.name, writes.name, changelog.name] })
  }
}

function specOf({ brokers, registryUrl }: Ground, app: string, reads: string, writes: string, changelog: string) {
  return { kind: 'stateful', brokers, registryUrl, app, reads, writes, changelog, partitions: 1 } as const
}
