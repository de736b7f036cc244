/**
 * The sink as a process of its own, wired as `sluice run` does it. It loads everything, says that it is ready, and begins when
 * it is told the failpoints at which it is to die. It ends with the process that started it.
 */
import { startStages } from '#cli/stages.ts'
import { loadConfig } from '#runtime/config.ts'
import { createLog } from '#runtime/log.ts'
import { topology } from '#topology'
import { hastySink } from './hasty-store.ts'

export interface Orders { failpoints: string }

process.once('disconnect', () => process.exit(1))
process.once('message', ({ failpoints }: Orders) => {
  const config = { ...loadConfig(), failpoints }
  const stages = startStages([hastySink], { config, topology, log: createLog('sink', config.logLevel) })
  // What halts it is on standard error, and whoever started it sees it end.
  stages.ended.catch(() => process.exit(3))
})
process.send!('ready')
