/** The old design after its clean-up: one row an item with its tags as raw JSON, many rows a statement. */
import type { Client } from 'pg'
import { tagsOf } from '../assets/asset-series.ts'
import { ITEMS_INDEXES, ITEMS_SQL, ITEM_COLUMNS, ITEM_UPDATES, itemOf, loadNarrow } from './items.ts'
import { requireItems, requireTags } from './items-verified.ts'
import { commitsOf, inTransaction, numbersIn, onSession } from './session.ts'
import type { Subject } from './subject.ts'

const COLUMNS = [...ITEM_COLUMNS, 'tags']

/** A statement takes at most 65,535 values. */
const ROWS_PER_STATEMENT = 1_000

const TAGS_OF_ITEMS = `
  select concat_ws('|', i.id, (select string_agg(e.value->>'name', '|' order by e.ordinality) from jsonb_array_elements(i.tags) with ordinality e)) as text from items i`

export const cleaned: Subject = {
  name: 'items with JSON',
  design: 'cleaned',
  about: 'the old design after its clean-up: one row an item with tags as raw JSON, 1,000 rows an INSERT … ON CONFLICT DO UPDATE',
  prepare: (databaseUrl, preloaded) => onSession(databaseUrl, async (client) => {
    await client.query(`${ITEMS_SQL} alter table items add column tags jsonb not null;`)
    if (preloaded > 0) await loadNarrow(client, preloaded, { columns: ['tags'], of: () => ['[]'] })
    for (const statement of ITEMS_INDEXES) await client.query(statement)
    await freeze(client)
  }),
  write: (databaseUrl, range, rowsPerCommit) => onSession(databaseUrl, async (client) => {
    for (const commit of commitsOf(range, rowsPerCommit)) {
      await inTransaction(client, async () => {
        for (const statement of commitsOf(commit, ROWS_PER_STATEMENT)) await insert(client, numbersIn(statement))
      })
    }
  }),
  settle: (databaseUrl) => onSession(databaseUrl, freeze),
  verify: (databaseUrl, range, stored) => onSession(databaseUrl, async (client) => {
    await requireItems(client, range, stored)
    await requireTags(client, range, TAGS_OF_ITEMS)
  }),
}

async function insert(client: Client, numbers: number[]): Promise<void> {
  const tuples = numbers.map((_, row) => `(${COLUMNS.map((__, at) => `$${row * COLUMNS.length + at + 1}`).join(', ')})`)
  const updates = [...ITEM_UPDATES, 'tags'].map((name) => `${name} = excluded.${name}`)
  const text = `insert into items (${COLUMNS.join(', ')}) values ${tuples.join(', ')} on conflict (source, source_id) do update set ${updates.join(', ')}, updated_at = now()`
  await client.query(text, numbers.flatMap((n) => [...itemOf(n), tagsJson(n)]))
}

/** As the sources gave them. */
function tagsJson(n: number): string {
  return JSON.stringify(tagsOf(n).map(({ name, confidence, origin }) => ({ name, confidence, source: origin === 'claimed' ? 'upstream' : 'clip' })))
}

async function freeze(client: Client): Promise<void> {
  await client.query('vacuum (freeze) items')
}
