/** Runs a topology's sinks in this process, as `sluice run` runs the pipeline's, until it is told to stop. */
import { serveHealth } from '#cli/health.ts'
import { markHeapLessOften } from '#cli/heap.ts'
import { startStages } from '#cli/stages.ts'
import type { Config } from '#runtime/config.ts'
import type { Topology } from '#runtime/define/topology.ts'
import { createLog } from '#runtime/log.ts'

export async function runSinks(config: Config, topology: Topology): Promise<void> {
  markHeapLessOften()
  const running = startStages(topology.stages, { config, topology, log: createLog('bench', config.logLevel) })
  const health = await serveHealth(config, () => running.report())
  process.once('SIGTERM', () => void running.stop())
  await running.ended
  await health?.close()
}
