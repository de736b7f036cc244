/** The sink of the narrow row in a process of its own, as `sluice run` runs the pipeline's. */
import { serveHealth } from '#cli/health.ts'
import { startStages } from '#cli/stages.ts'
import { loadConfig } from '#runtime/config.ts'
import { createLog } from '#runtime/log.ts'
import { narrowTopology } from './narrow-sink.ts'

const config = loadConfig()
const running = startStages(narrowTopology.stages, { config, topology: narrowTopology, log: createLog('bench', config.logLevel) })
const health = await serveHealth(config, () => running.report())
process.once('SIGTERM', () => void running.stop())
await running.ended
await health?.close()
