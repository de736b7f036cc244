/** A stage that does nothing against a bare copy loop: the same records, the same broker, one after the other. */
import type { Metric } from '../result.ts'
import type { Cost } from './child-side.ts'
import { startBare, startStage } from './child.ts'
import { contentsOf, isSame, type Ground } from './ground.ts'
import { median } from './median.ts'
import { createTopics, parcelTopic } from './parcels.ts'

const ROUNDS = 3

export interface CopyResult { verified: boolean; metrics: Metric[]; recordsPerSecond: number }

/** `reads` holds `count` parcels. */
export async function measureCopy(ground: Ground, reads: string, count: number, rounds = ROUNDS): Promise<CopyResult> {
  const expected = await contentsOf(ground, reads, count)
  const stage: Cost[] = []
  const bare: Cost[] = []
  let verified = expected.records === count && expected.ids === count
  for (let round = 0; round < rounds; round++) {
    for (const [costs, copy] of [[stage, stageCopy], [bare, bareCopy]] as const) {
      const writes = `parcel.copied-${round}-${copy.name}`
      await createTopics(ground, [parcelTopic(writes)])
      costs.push(await copy(ground, { reads, writes, count }))
      verified &&= isSame(await contentsOf(ground, writes, count), expected)
      await ground.connection.admin.deleteTopics({ topics: [writes] })
    }
  }
  return { verified, recordsPerSecond: median(stage.map(speed)), metrics: metricsOf(stage, bare) }
}

interface Copying { reads: string; writes: string; count: number }

async function stageCopy({ brokers, registryUrl }: Ground, copying: Copying): Promise<Cost> {
  const child = startStage({ kind: 'stateless', brokers, registryUrl, app: copying.writes, partitions: 6, ...copying })
  try {
    return await child.next('cost')
  } finally {
    await child.stop()
  }
}

async function bareCopy({ brokers }: Ground, copying: Copying): Promise<Cost> {
  const child = startBare({ kind: 'copy', brokers: brokers.split(','), ...copying })
  try {
    return await child.next('cost')
  } finally {
    await child.stop()
  }
}

const speed = ({ records, seconds }: Cost): number => records / seconds
const cpuMicros = ({ records, cpuSeconds }: Cost): number => cpuSeconds * 1e6 / records

function metricsOf(stage: Cost[], bare: Cost[]): Metric[] {
  const perSecond = median(stage.map(speed))
  const barePerSecond = median(bare.map(speed))
  const ratio = perSecond / barePerSecond
  const perCpuSecond = 1e6 / median(stage.map(cpuMicros))
  return [
    { name: 'ratio', value: ratio, unit: '', target: '≥ 0.9', met: ratio >= 0.9 },
    { name: 'records_per_s', value: perSecond, unit: '/s', baseline: barePerSecond, ratio },
    { name: 'records_per_cpu_s', value: perCpuSecond, unit: '/s', baseline: 1e6 / median(bare.map(cpuMicros)), ratio: median(bare.map(cpuMicros)) / median(stage.map(cpuMicros)), target: '≥ 20,000', met: perCpuSecond >= 20_000 },
  ]
}
