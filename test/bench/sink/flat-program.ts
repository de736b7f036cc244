/** `flat-program.ts SUBJECT`: our sink on Kafka Connect's topic and table, in a process of its own. */
import { loadConfig } from '#runtime/config.ts'
import { peerTypes } from './connect/peer-table.ts'
import { flatTopology } from './flat-sink.ts'
import { narrowRow } from './narrow-row.ts'
import { realRow } from './real-row.ts'
import { runSinks } from './sink-program.ts'

const subject = [realRow, narrowRow].find(({ name }) => name === process.argv[2])
if (!subject) throw new Error('usage: node flat-program.ts real|narrow')
const config = loadConfig()
await runSinks(config, flatTopology(subject, await peerTypes(config.databaseUrl)))
