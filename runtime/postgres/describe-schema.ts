/**
 * The tables of a schema as SQL, from the server's catalog: what the migrations add up to. Deterministic for one
 * major version of Postgres, so that the committed dump can be compared with it.
 */
import type { Query } from './dictionary.ts'

const COLUMNS = `
  select c.relname as table_name, quote_ident(a.attname) as name, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required,
    pg_get_expr(d.adbin, d.adrelid) as fallback, a.attidentity <> '' as identity,
    case when a.attstorage <> t.typstorage then (case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end) end as storage
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped join pg_type t on t.oid = a.atttypid
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relkind in ('r', 'p') and c.relnamespace = $1::regnamespace order by c.relname, a.attnum`

/** Not-null constraints stand at their columns. */
const CONSTRAINTS = `
  select c.relname as table_name, conname as name, pg_get_constraintdef(k.oid) as definition
  from pg_constraint k join pg_class c on c.oid = k.conrelid
  where k.connamespace = $1::regnamespace and k.contype <> 'n' order by c.relname, k.contype desc, conname`

const OPTIONS = `
  select relname as table_name, reloptions as options from pg_class
  where relkind = 'r' and relnamespace = $1::regnamespace and reloptions is not null`

const PARTITIONED = `
  select relname as table_name, pg_get_partkeydef(oid) as key from pg_class where relkind = 'p' and relnamespace = $1::regnamespace`

const PARTITIONS = `
  select format('alter table %I attach partition %I %s;', i.inhparent::regclass, c.relname, pg_get_expr(c.relpartbound, c.oid)) as statement
  from pg_class c join pg_inherits i on i.inhrelid = c.oid
  where c.relispartition and c.relkind = 'r' and c.relnamespace = $1::regnamespace order by c.relname`

/** Besides those of identity columns. */
const SEQUENCES = `
  select format('create sequence %I as %s;', c.relname, format_type(q.seqtypid, null)) as statement
  from pg_class c join pg_sequence q on q.seqrelid = c.oid
  where c.relnamespace = $1::regnamespace and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'i') order by c.relname`

const INDEXES = `
  select pg_get_indexdef(i.indexrelid) as definition from pg_index i join pg_class c on c.oid = i.indexrelid
  where c.relnamespace = $1::regnamespace and not exists (select from pg_constraint k where k.conindid = i.indexrelid) order by c.relname`

const FUNCTIONS = `
  select pg_get_functiondef(p.oid) as definition from pg_proc p
  where p.pronamespace = $1::regnamespace and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e') order by p.proname`

const VIEWS = `
  select c.relname as name, pg_get_viewdef(c.oid) as definition from pg_class c
  where c.relkind = 'v' and c.relnamespace = $1::regnamespace order by c.relname`

interface ColumnRow { table_name: string; name: string; type: string; required: boolean; fallback: string | null; identity: boolean; storage: string | null }

/** SQL of every table, index, function and view of the schema. */
export async function describeSchema(query: Query, schema = 'public'): Promise<string> {
  const rowsOf = async <R extends object>(text: string): Promise<R[]> => (await query<R>(text, [schema])).rows
  const columns = Map.groupBy(await rowsOf<ColumnRow>(COLUMNS), ({ table_name }) => table_name)
  const constraints = Map.groupBy(await rowsOf<{ table_name: string; name: string; definition: string }>(CONSTRAINTS), ({ table_name }) => table_name)
  const options = new Map((await rowsOf<{ table_name: string; options: string[] }>(OPTIONS)).map((row) => [row.table_name, row.options]))
  const partitioned = new Map((await rowsOf<{ table_name: string; key: string }>(PARTITIONED)).map(({ table_name, key }) => [table_name, key]))
  const tables = [...columns].map(([table, of]) => {
    const lines = [...of.map(columnLine), ...(constraints.get(table) ?? []).map(({ name, definition }) => `constraint ${name} ${definition}`)]
    return `create table ${table} (\n  ${lines.join(',\n  ')}\n)${tableSuffix(partitioned.get(table), options.get(table))};`
  })
  const others = await Promise.all([PARTITIONS, SEQUENCES].map((text) => rowsOf<{ statement: string }>(text)))
  const indexes = (await rowsOf<{ definition: string }>(INDEXES)).map(({ definition }) => `${definition};`)
  const functions = (await rowsOf<{ definition: string }>(FUNCTIONS)).map(({ definition }) => `${definition.trim()};`)
  const views = (await rowsOf<{ name: string; definition: string }>(VIEWS)).map(({ name, definition }) => `create view ${name} as\n${definition.trim()}`)
  return [...tables, ...others.flat().map(({ statement }) => statement), ...indexes, ...functions, ...views].join('\n\n') + '\n'
}

function tableSuffix(partitionKey: string | undefined, settings: string[] | undefined): string {
  return (partitionKey ? ` partition by ${partitionKey}` : '') + (settings ? ` with (${settings.join(', ')})` : '')
}

function columnLine({ name, type, required, fallback, identity, storage }: ColumnRow): string {
  return [
    name, type, storage ? `storage ${storage}` : '', identity ? 'generated always as identity' : '',
    required ? 'not null' : '', fallback ? `default ${fallback}` : '',
  ].filter((part) => part !== '').join(' ')
}
