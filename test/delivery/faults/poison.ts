/** Records that can never succeed, and records of odd times. They come in the flow; here they are counted. */
import type { Fault } from './fault.ts'

export const poison: Fault = {
  name: 'F12', title: 'poison', strikes: 1, parameters: '2 % of all records: truncated Avro, unknown schema id, wrong magic, null value, 4-zero-byte key, handler throws, rejected by the handler; rows that the database refuses; values of 600 kB',
  inject: (world) => world.sleep(10_000),
  async heal(world) {
    const kinds = Map.groupBy(world.flow.produced, (event) => event.poison ?? (event.refusedByDatabase ? 'refused by the database' : undefined))
    for (const [kind, events] of kinds) if (kind !== undefined) world.strike({ row: 'F12', detail: kind, count: events.length })
    const big = world.flow.produced.filter(({ valueBytes }) => (valueBytes?.length ?? 0) > 500_000).length
    if (big > 0) world.strike({ row: 'F12', detail: 'big value', count: big })
  },
}

const MINUTE_MS = 60_000
const DAY_AHEAD = { 'message.timestamp.after.max.ms': String(2 * 24 * 60 * MINUTE_MS) }

export const clockSkew: Fault = {
  name: 'F14', title: 'clock skew', strikes: 1, parameters: 'record times within a day around now, a tenth at 0; the two processes of a stage 5 min apart',
  // By default a broker refuses records that are more than an hour ahead of it.
  needs: { timestamps: 'skewed', clockSkewMs: 5 * MINUTE_MS, topics: DAY_AHEAD, changelog: DAY_AHEAD },
  inject: (world) => world.sleep(10_000),
  async heal(world) {
    const skewed = world.flow.produced.filter(({ timestampMs }) => Math.abs(timestampMs - Date.now()) > MINUTE_MS).length
    world.strike({ row: 'F14', detail: 'records more than a minute off', count: skewed })
  },
}
