/**
 * A witness inside Postgres: triggers that write down each change of a sink's progress and each row, with the
 * transaction and the session that made it. What a zombie wrote is not to be seen in the tables alone: a row of an owner
 * that was fenced looks like any other.
 */
import { Client } from 'pg'

/**
 * The functions look where the tables lie, whatever the session's search path is. A row's own xmin would not do: rows
 * are copied below savepoints, each of which has an id of its own.
 */
const INSTALL = `
  create table witness_move (
    number bigint generated always as identity primary key, topic text, partition int, from_offset bigint, to_offset bigint,
    epoch_before bigint, epoch bigint, owner text, by_session text, transaction xid8);
  create table witness_insertion (id text, partition int, "offset" bigint, transaction xid8);

  create function witness_move() returns trigger language plpgsql security definer set search_path from current as $$
  begin
    insert into witness_move (topic, partition, from_offset, to_offset, epoch_before, epoch, owner, by_session, transaction)
    values (new.topic, new.partition, old.next_offset, new.next_offset, old.owner_epoch, new.owner_epoch, new.owner,
      current_setting('application_name'), pg_current_xact_id());
    return null;
  end $$;
  create trigger witness_move after insert or update on sink_progress for each row execute function witness_move();

  create function witness_insertion() returns trigger language plpgsql security definer set search_path from current as $$
  begin
    insert into witness_insertion select id::text, topic_partition, topic_offset, pg_current_xact_id() from fresh;
    return null;
  end $$;
  create trigger witness_insertion after insert on kept referencing new table as fresh for each statement execute function witness_insertion();`

/** Call it once a round: when the sink's tables exist, and before the first stage runs. */
export async function installWitness(databaseUrl: string, schema?: string): Promise<void> {
  await onDatabase(databaseUrl, schema, (client) => client.query(INSTALL))
}

/** Runs `work` on a connection of its own, with the schema first in its search path. */
export async function onDatabase<T>(databaseUrl: string, schema: string | undefined, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'oracle', statement_timeout: 30_000, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    if (schema !== undefined) await client.query(`select set_config('search_path', $1 || ', public', false)`, [client.escapeIdentifier(schema)])
    return await work(client)
  } finally {
    await client.end()
  }
}
