/**
 * `node test/bench/sink/profile.ts [real|narrow] [ROWS] [FOLDER]`: runs the sink alone, from a filled topic, and leaves a CPU
 * profile of its process in the folder. Profiling itself takes a few hundredths of the time.
 */
import { resolve } from 'node:path'
import { fill } from './fill.ts'
import { openGround } from './ground.ts'
import { narrowRow } from './narrow-row.ts'
import { realRow } from './real-row.ts'
import { runSink } from './sink-run.ts'

const [name = 'real', rows = '200000', folder = 'sink-profile'] = process.argv.slice(2)
const subject = [realRow, narrowRow].find((each) => each.name === name)
const count = Number(rows)
if (!subject || !(count > 0)) throw new Error('usage: node test/bench/sink/profile.ts [real|narrow] [ROWS] [FOLDER]')

const ground = await openGround()
try {
  await ground.apply(subject.topology)
  await fill(ground, { topic: subject.topic, valueOf: subject.valueOf, count })
  const run = await ground.withDatabase(subject, (databaseUrl) =>
    runSink(ground, subject, { databaseUrl, count, app: 'profile', args: ['--cpu-prof', `--cpu-prof-dir=${resolve(folder)}`] }))
  console.log(run)
  console.log(`profile in ${resolve(folder)}; open it in the developer tools of a browser`)
} finally {
  await ground.close()
}
