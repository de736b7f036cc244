/** Reading what was stored: assets, their duplicates, neighbours, clusters and failures. Never writes. */
import { Pool } from 'pg'
import { verdictOnPostgres } from '#runtime/postgres/errors.ts'
import { describeAsset, describeFailure, VIEW_COLUMNS, type Asset, type StoredFailure, type AssetViewRow, type FailureViewRow } from './catalogue-rows.ts'

export type { Asset, StoredFailure } from './catalogue-rows.ts'

export interface CatalogueOptions {
  /** Longest query, milliseconds. */
  timeoutMs?: number
  /** Where the tables are; `public` by default. */
  schema?: string
}

export interface Neighbour {
  id: string
  /** Cosine similarity, -1 to 1. */
  similarity: number
  uri: string | null
  /** The producer's own identifier, often a file's name. */
  sourceId: string | null
}

export interface Tagged {
  id: string
  /** Of the tag, 0 to 1. */
  confidence: number
  uri: string | null
  sourceId: string | null
}

export type SimilarTo = { id: string; k?: number } | { vector: ArrayLike<number>; model: string; k?: number }

export interface Duplicate {
  id: string
  relation: string
  distance: number | null
  evidence: string | null
  uri: string | null
  sourceId: string | null
}

export interface AssetReport {
  /** Null when no row is stored. */
  asset: Asset | null
  failures: StoredFailure[]
  /** Copies of it; for a copy, of its original. */
  duplicates: Duplicate[]
  neighbours: Neighbour[]
}

export interface Counts {
  assets: number
  byKind: Record<string, number>
  byRelation: Record<string, number>
  /** `stage code` to number. */
  failures: { stage: string; code: string; count: number }[]
}

export interface Cluster {
  model: string
  cluster: number
  assets: number
  /** An asset of it, the one nearest to a representative. */
  example: string
}

/** Rows are read in pages no longer than this. */
const MAX_LIMIT = 10_000

export interface Catalogue {
  /** Everything known about an asset. */
  asset(id: string): Promise<AssetReport>
  counts(): Promise<Counts>
  /** The k nearest by cosine distance within one model, by an exact scan; nearest first, itself left out. */
  similar(to: SimilarTo): Promise<Neighbour[]>
  /** Copies of an original; asked about a copy, all copies of its original and the original. */
  duplicatesOf(id: string): Promise<Duplicate[]>
  /** The largest clusters. */
  clusters(options?: { limit?: number }): Promise<Cluster[]>
  /** Newest first. */
  failures(options?: { limit?: number; stage?: string; code?: string }): Promise<StoredFailure[]>
  /** Assets stored since a moment, oldest first. */
  rowsSince(since: Date, options?: { limit?: number }): Promise<Asset[]>
  /** Assets with these bytes. */
  bySha256(sha256: Buffer): Promise<Asset[]>
  /** Assets by the producer's own identifier. */
  bySourceId(source: string, sourceId: string): Promise<Asset[]>
  /** Assets with a tag in its normal form, the surest first. Tags are kept in the rows, so all rows are looked at. */
  byTag(name: string, options?: { limit?: number }): Promise<Tagged[]>
  close(): Promise<void>
}

/** Opens the read side of a database; connects with the first question. Errors are RetryLater or Halt `postgres.*`. */
export function openCatalogue(databaseUrl: string, { timeoutMs = 30_000, schema = 'public' }: CatalogueOptions = {}): Catalogue {
  const pool = new Pool({
    connectionString: databaseUrl, max: 4, application_name: 'sluice catalogue', connectionTimeoutMillis: 10_000, idleTimeoutMillis: 10_000,
    statement_timeout: timeoutMs, options: `-c search_path=${schema.replace(/[^a-z0-9_]/gi, '')},public -c default_transaction_read_only=on`,
    allowExitOnIdle: true,
  })
  pool.on('error', () => {})
  return new PostgresCatalogue(pool)
}

class PostgresCatalogue implements Catalogue {
  readonly #pool: Pool

  constructor(pool: Pool) {
    this.#pool = pool
  }

  async asset(id: string): Promise<AssetReport> {
    if (!isUuid(id)) return { asset: null, failures: await this.#failuresOf(id), duplicates: [], neighbours: [] }
    const [rows, failures, duplicates, neighbours] = await Promise.all([
      this.#assets('id = $1', [id]), this.#failuresOf(id), this.duplicatesOf(id), this.similar({ id }),
    ])
    return { asset: rows[0] ?? null, failures, duplicates, neighbours }
  }

  async counts(): Promise<Counts> {
    const [assets, failures] = await Promise.all([
      this.#query<{ kind: string; relation: string; count: string }>(
        'select kind_name(kind) as kind, relation_name(relation) as relation, count(*) from asset group by 1, 2 order by 1, 2', []),
      this.#query<{ stage: string; code: string; count: string }>('select stage, code, count(*) from asset_failure group by 1, 2 order by 3 desc, 1, 2', []),
    ])
    return {
      assets: assets.reduce((sum, { count }) => sum + Number(count), 0),
      byKind: sumBy(assets, ({ kind }) => kind), byRelation: sumBy(assets, ({ relation }) => relation),
      failures: failures.map((row) => ({ ...row, count: Number(row.count) })),
    }
  }

  async similar(to: SimilarTo): Promise<Neighbour[]> {
    const k = bounded(to.k ?? 10)
    if ('vector' in to) {
      const vector = `[${Array.from(to.vector).join(',')}]`
      return this.#nearest('select $1::halfvec as embedding, (select id from model where name = $2 order by id desc limit 1) as model, null::uuid as id', [vector, to.model, k])
    }
    if (!isUuid(to.id)) return []
    return this.#nearest('select embedding, model, id from asset where id = $1 and $2::text is null', [to.id, null, k])
  }

  async duplicatesOf(id: string): Promise<Duplicate[]> {
    if (!isUuid(id)) return []
    return this.#query<Duplicate>(`
      with origin as materialized (select coalesce(canonical_id, id) as original from asset where id = $1), pictures as (
        select id, relation, distance, evidence, uri, source_id from origin, copies_of(original) union all
        select id, relation, distance, evidence, uri, source_id from asset_view where id = (select original from origin))
      select id, relation, distance, evidence, uri, source_id as "sourceId" from pictures
      where id <> $1 order by array_position(array(select relation_name(n::smallint) from generate_series(0, 9) n), relation), distance, id
      limit ${MAX_LIMIT}`, [id])
  }

  async clusters({ limit = 20 }: { limit?: number } = {}): Promise<Cluster[]> {
    const rows = await this.#query<Omit<Cluster, 'assets'> & { assets: string }>(`
      select m.name as model, coalesce(c.became, a.cluster) as cluster, count(*) as assets,
        (array_agg(a.id order by a.cluster_similarity desc, a.id))[1] as example
      from asset a join model m on m.id = a.model left join cluster_map c on c.model = a.model and c.cluster = a.cluster
      where a.cluster is not null group by 1, 2 order by 3 desc, 1, 2 limit $1`, [bounded(limit)])
    return rows.map((row) => ({ ...row, assets: Number(row.assets) }))
  }

  async failures({ limit = 50, stage, code }: { limit?: number; stage?: string; code?: string } = {}): Promise<StoredFailure[]> {
    return this.#failures('($1::text is null or stage = $1) and ($2::text is null or code = $2)', [stage ?? null, code ?? null, bounded(limit)])
  }

  rowsSince(since: Date, { limit = 100 }: { limit?: number } = {}): Promise<Asset[]> {
    return this.#assets('stored_at >= $1 order by stored_at, id limit $2', [since, bounded(limit)])
  }

  bySha256(sha256: Buffer): Promise<Asset[]> {
    return this.#assets('true order by id limit $2', [sha256, MAX_LIMIT], 'assets_with_sha256($1)')
  }

  bySourceId(source: string, sourceId: string): Promise<Asset[]> {
    return this.#assets('true order by id limit $3', [source, sourceId, MAX_LIMIT], 'assets_from_source($1, $2)')
  }

  byTag(name: string, { limit = 20 }: { limit?: number } = {}): Promise<Tagged[]> {
    return this.#query<Tagged>(`
      select t.asset_id as id, t.confidence, d.uri, d.source_id as "sourceId"
      from asset_tag t left join asset_detail d on d.segment = t.segment and d.asset_id = t.asset_id
      where t.name = $1 order by t.confidence desc, t.asset_id limit $2`, [name, bounded(limit)])
  }

  close(): Promise<void> {
    return this.#pool.end()
  }

  #nearest(target: string, values: unknown[]): Promise<Neighbour[]> {
    return this.#query<Neighbour>(`
      with target as materialized (${target}), nearest as materialized (
        select a.id, a.segment, 1 - (a.embedding <=> t.embedding) as similarity from target t join asset a on a.model = t.model
        where a.embedding is not null and a.id is distinct from t.id order by a.embedding <=> t.embedding, a.id limit $3)
      select n.id, n.similarity, d.uri, d.source_id as "sourceId" from nearest n left join asset_detail d on d.segment = n.segment and d.asset_id = n.id order by n.similarity desc, n.id`, values)
  }

  /** `source`: the view, or a function that gives rows of it. */
  async #assets(condition: string, values: unknown[], source = 'asset_view'): Promise<Asset[]> {
    return (await this.#query<AssetViewRow>(`select ${VIEW_COLUMNS} from ${source} as asset_view where ${condition}`, values)).map(describeAsset)
  }

  #failuresOf(id: string): Promise<StoredFailure[]> {
    return isUuid(id)
      ? this.#failures('asset_id = $1 and $2::text is null', [id, null, MAX_LIMIT])
      : this.#failures('key = $1 and $2::text is null', [id, null, MAX_LIMIT])
  }

  async #failures(condition: string, values: unknown[]): Promise<StoredFailure[]> {
    const rows = await this.#query<FailureViewRow>(`
      select stage, code, reason, coalesce(asset_id::text, key) as asset, topic, partition, "offset", attempts,
        replace(trace_id::text, '-', '') as trace_id, event_at, failed_at
      from asset_failure where ${condition} order by failed_at desc, stage, topic, partition, "offset" limit $3`, values)
    return rows.map(describeFailure)
  }

  async #query<R extends object>(text: string, values: unknown[]): Promise<R[]> {
    try {
      return (await this.#pool.query<R>(text, values)).rows
    } catch (error) {
      throw verdictOnPostgres(error)
    }
  }
}

function sumBy<R extends { count: string }>(rows: R[], keyOf: (row: R) => string): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const row of rows) sums[keyOf(row)] = (sums[keyOf(row)] ?? 0) + Number(row.count)
  return sums
}

function bounded(limit: number): number {
  return Math.min(Math.max(Math.trunc(limit), 1), MAX_LIMIT)
}

function isUuid(id: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)
}
