/** The old design before its clean-up: a table of items and one of tags, row by row, some 20 statements an item. */
import type { Client } from 'pg'
import { assetOf, randomId, tagsOf } from '../assets/asset-series.ts'
import { copyLine, ITEMS_INDEXES, ITEMS_SQL, ITEM_COLUMNS, ITEM_UPDATES, itemOf, linesOf, loadNarrow } from './items.ts'
import { requireItems, requireTags } from './items-verified.ts'
import { commitsOf, copyChunks, inTransaction, numbersIn, onSession } from './session.ts'
import type { Subject } from './subject.ts'

const TAGS_SQL = `
  create table tags (
    id bigint generated always as identity,
    item_id uuid not null,
    tag varchar(200) not null,
    confidence double precision not null,
    created_at timestamptz not null default now()
  );`

const TAGS_INDEXES = [
  'alter table tags add primary key (id)',
  'create unique index tags_item on tags (item_id, tag)',
  'create index tags_tag on tags (tag)',
]

const UPSERT = `
  insert into items (${ITEM_COLUMNS.join(', ')}) values (${ITEM_COLUMNS.map((_, at) => `$${at + 1}`).join(', ')})
  on conflict (source, source_id) do update set ${ITEM_UPDATES.map((name) => `${name} = excluded.${name}`).join(', ')}, updated_at = now()
  returning id`

const TAGS_OF_ITEMS = `
  select concat_ws('|', i.id, (select string_agg(t.tag, '|' order by t.confidence desc) from tags t where t.item_id = i.id)) as text from items i`

export const old: Subject = {
  name: 'items and tags',
  design: 'old',
  about: 'the old design before its clean-up: one statement to upsert an item, and for each of its ten tags one DELETE and one INSERT',
  prepare: (databaseUrl, preloaded) => onSession(databaseUrl, async (client) => {
    await client.query(ITEMS_SQL + TAGS_SQL)
    if (preloaded > 0) {
      await loadNarrow(client, preloaded)
      await copyChunks(client, 'copy tags (item_id, tag, confidence) from stdin', linesOf(preloaded, tagLines, 500))
    }
    for (const statement of [...ITEMS_INDEXES, ...TAGS_INDEXES]) await client.query(statement)
    await freeze(client)
  }),
  write: (databaseUrl, range, rowsPerCommit) => onSession(databaseUrl, async (client) => {
    // A plan that was made while the table was empty would read all of it for every tag.
    await client.query('set plan_cache_mode = force_custom_plan')
    for (const commit of commitsOf(range, rowsPerCommit)) {
      await inTransaction(client, async () => {
        for (const n of numbersIn(commit)) await writeItem(client, n)
      })
    }
  }),
  settle: (databaseUrl) => onSession(databaseUrl, freeze),
  verify: (databaseUrl, range, stored) => onSession(databaseUrl, async (client) => {
    await requireItems(client, range, stored)
    await requireTags(client, range, TAGS_OF_ITEMS)
  }),
}

async function writeItem(client: Client, n: number): Promise<void> {
  const { rows } = await client.query<{ id: string }>({ name: 'upsert', text: UPSERT, values: itemOf(n) })
  const { id } = rows[0]!
  for (const { name, confidence } of assetOf(n).tags.tags) {
    await client.query({ name: 'untag', text: 'delete from tags where item_id = $1 and tag = $2', values: [id, name] })
    await client.query({ name: 'tag', text: 'insert into tags (item_id, tag, confidence) values ($1, $2, $3)', values: [id, name, confidence] })
  }
}

function tagLines(n: number): string {
  const id = randomId(n)
  return tagsOf(n).map(({ name, confidence }) => copyLine([id, name, confidence])).join('')
}

async function freeze(client: Client): Promise<void> {
  await client.query('vacuum (freeze) items')
  await client.query('vacuum (freeze) tags')
}
