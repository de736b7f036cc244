/** What Postgres holds after a round, by plain SQL. */
import type { Client } from 'pg'
import type { Failed, Insertion, Move, Row } from './evidence.ts'
import { onDatabase } from './witness.ts'

export interface DatabaseView { rows: Row[]; failures: Failed[]; moves: Move[]; insertions: Insertion[] }

const ROWS = `select id::text, key, family, seq, weight, verdict, of_id::text as of, topic_partition as partition, topic_offset::float8 as "offset" from kept order by 1`

const FAILURES = `select stage, code, topic, partition, "offset"::float8 as "offset" from asset_failure order by 1, 3, 4, 5`

const MOVES = `
  select topic, partition, from_offset::float8 as "from", to_offset::float8 as "to", epoch_before::float8 as "epochBefore",
    epoch::float8 as epoch, owner, by_session as by, transaction::text
  from witness_move order by number`

const INSERTIONS = `select id, partition, "offset"::float8 as "offset", transaction::text from witness_insertion`

/** In one snapshot. Numbers are asked for as float8, which the client turns into numbers; offsets stay far below 2^53. */
export function readDatabase(databaseUrl: string, schema?: string): Promise<DatabaseView> {
  return onDatabase(databaseUrl, schema, async (client) => {
    await client.query('begin isolation level repeatable read read only')
    return {
      rows: await all<Row>(client, ROWS), failures: await all<Failed>(client, FAILURES),
      moves: await all<Move>(client, MOVES), insertions: await all<Insertion>(client, INSERTIONS),
    }
  })
}

async function all<T extends object>(client: Client, text: string): Promise<T[]> {
  return (await client.query<T>(text)).rows
}
