/** The table that Kafka Connect writes, and our sink beside it from the same topic. */
import { onServer } from '#test/support/database.ts'
import type { PgType } from '#runtime/postgres/copy-binary.ts'
import { openTable, type Table } from '../subject.ts'

export const PEER_TABLE = 'peer'

/**
 * Makes a table as the subject's, except that vectors are bytes: this release of Debezium's sink knows no type of pgvector's.
 * They are the same bytes, without pgvector's look at each number.
 */
export async function makePeerTable(databaseUrl: string, table: Table): Promise<Table> {
  const { columns } = table
  const vectors = columns.filter(({ kind }) => kind === 'halfvec').map((column) => `alter column "${column.name}" type bytea using null, alter column "${column.name}" set storage plain`)
  await onServer(databaseUrl, `create table ${PEER_TABLE} (like "${openTable(table)}" including all)${vectors.map((change) => `; alter table ${PEER_TABLE} ${change}`).join('')}`)
  return { name: PEER_TABLE, columns }
}

/** Types of its columns, by their names. */
export async function peerTypes(databaseUrl: string): Promise<Map<string, PgType>> {
  const rows = await onServer<{ name: string; type: PgType }>(databaseUrl, `select column_name as name, udt_name as type from information_schema.columns where table_name = '${PEER_TABLE}'`)
  return new Map(rows.map(({ name, type }) => [name, type]))
}
