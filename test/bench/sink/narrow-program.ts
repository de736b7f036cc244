/** The sink of the narrow row in a process of its own. */
import { loadConfig } from '#runtime/config.ts'
import { narrowTopology } from './narrow-sink.ts'
import { runSinks } from './sink-program.ts'

await runSinks(loadConfig(), narrowTopology)
