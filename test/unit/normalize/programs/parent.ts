/** A process with a decoder pool, to be killed: prints the pid of its decoder process and waits. */
import { DecoderPool } from '#processors/normalize/decoder-pool.ts'
import { systemClock } from '#runtime/clock.ts'
import { createLog } from '#runtime/log.ts'

const pool = new DecoderPool({ size: 1, clock: systemClock, log: createLog('test', 'silent') })
await pool.decode(process.argv[2]!, '', new AbortController().signal).catch(() => undefined)
process.stdout.write(`${pool.pids[0]}\n`)
setInterval(() => undefined, 60_000)
