-- Segments. A batch that is large enough becomes a table of its own, made, filled by COPY FREEZE, indexed and attached
-- in the transaction that commits it: its pages are written once, frozen, and need no vacuum ever. Under
-- wal_level = minimal they are not written to the WAL either, which halves the bytes. Smaller batches share the open
-- segment, number 0, which was the whole table until now.
--
-- Ids are unique in each segment. Between segments the sink sees to it: an asset's key always lies on one partition,
-- whose owner looks into the segments that may hold the id, in the transaction that holds the partition's progress.

drop view asset_view;
drop view asset_tag;

alter table asset rename to asset_open;
alter table asset_open rename constraint asset_pkey to asset_open_pkey;
alter index asset_brin rename to asset_open_brin;
alter table asset_open add column segment integer not null default 0;
create table asset (like asset_open including defaults including constraints including storage) partition by list (segment);
alter table asset attach partition asset_open for values in (0);

alter table asset_detail rename to asset_detail_open;
alter index asset_detail_brin rename to asset_detail_open_brin;
alter table asset_detail_open add column segment integer not null default 0;
create table asset_detail (like asset_detail_open including defaults including storage) partition by list (segment);
alter table asset_detail attach partition asset_detail_open for values in (0);

alter table asset_frame rename to asset_frame_open;
alter index asset_frame_brin rename to asset_frame_open_brin;
alter table asset_frame_open add column segment integer not null default 0;
create table asset_frame (like asset_frame_open including defaults including constraints including storage) partition by list (segment);
alter table asset_frame attach partition asset_frame_open for values in (0);

-- The segments besides the open one, with the range of their ids: ids grow with time, so of many segments few overlap
-- with a batch.
create table segment (
  number integer primary key,
  rows integer not null,
  first_id uuid not null,
  last_id uuid not null,
  sealed_at timestamptz not null default now()
);
create sequence segment_number as integer;

-- A new segment of these tables, for COPY FREEZE in the same transaction.
create function begin_segment(tables text[]) returns integer language plpgsql as $$
declare
  number integer := nextval('segment_number');
  parent text;
begin
  foreach parent in array tables loop
    -- The check spares ATTACH a scan. COPY FREEZE leaves nothing to an insert vacuum, and statistics of a segment would
    -- be rewritten catalog pages; dead rows of corrections are vacuumed as in any table.
    execute format(
      'create table %1$I (like %2$I including defaults including constraints including storage, check (segment = %3$s))
       with (toast_tuple_target = 1352, autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647)',
      parent || '_' || number, parent, number);
    execute format('alter table %I alter segment set default %s', parent || '_' || number, number);
  end loop;
  return number;
end $$;

-- Indexes a filled segment, each built once and in order, and shows it to readers. Attaching comes last: until the
-- commit it keeps other segments from being attached.
create function seal_segment(segment_number integer, tables text[], rows integer, first_id uuid, last_id uuid) returns void
  language plpgsql set default_statistics_target = 1 as $$
declare
  parent text;
  child text;
begin
  foreach parent in array tables loop
    child := parent || '_' || segment_number;
    if parent = 'asset' then
      execute format('alter table %I add primary key (id) with (fillfactor = 100)', child);
      execute format(
        'create index on %I using brin (sha256 bytea_bloom_ops (n_distinct_per_range = 768, false_positive_rate = 0.0001),
          canonical_id uuid_bloom_ops (n_distinct_per_range = 200, false_positive_rate = 0.0001)) with (pages_per_range = 128)', child);
      execute format('create index on %I using brin (event_at, stored_at) with (pages_per_range = 64)', child);
      execute format('create index on %I (cluster) with (fillfactor = 100) where cluster is not null', child);
    elsif parent = 'asset_detail' then
      execute format('create index on %I using brin (asset_id) with (pages_per_range = 16)', child);
      execute format(
        'create index on %I using brin (source_id text_bloom_ops (n_distinct_per_range = 800, false_positive_rate = 0.0001)) with (pages_per_range = 16)', child);
    else
      execute format('create index on %I using brin (asset_id uuid_minmax_multi_ops) with (pages_per_range = 32)', child);
    end if;
  end loop;
  -- What a row's times and ids are like in the order in which they lie: 0.2 kB a column, once. Without it the planner
  -- takes their block-range indexes for useless and reads whole segments. Of other columns it needs to know nothing.
  if 'asset' = any(tables) then execute format('analyze asset_%s (id, event_at, stored_at)', segment_number); end if;
  if 'asset_detail' = any(tables) then execute format('analyze asset_detail_%s (asset_id)', segment_number); end if;
  if 'asset_frame' = any(tables) then execute format('analyze asset_frame_%s (asset_id)', segment_number); end if;
  insert into segment (number, rows, first_id, last_id) values (segment_number, rows, first_id, last_id);
  foreach parent in array tables loop
    execute format('alter table %I attach partition %I for values in (%s)', parent, parent || '_' || segment_number, segment_number);
  end loop;
end $$;

-- With the segment, to join by: it spares looking into the others.
create view asset_tag as
  select a.id as asset_id, e.rank, t.name, e.confidence, e.predicted, a.segment
  from asset a cross join lateral tag_entries(a.tags) e join tag t on t.id = e.tag_id;

create view asset_view as
  select
    a.id, d.source, d.source_id, d.uri, d.final_uri, d.media_type, d.codec,
    kind_name(a.kind) as kind, a.width, a.height, a.duration_micros / 1e6 as duration_seconds, a.bytes,
    relation_name(a.relation) as relation, a.canonical_id, a.distance, a.matched, a.time_offset_micros, d.evidence,
    coalesce(c.became, a.cluster) as cluster, a.cluster_similarity,
    (select array_agg(t.name order by e.rank) from tag_entries(a.tags) e join tag t on t.id = e.tag_id) as tags,
    a.nsfw, jsonb_object(d.attributes) as attributes,
    encode(a.sha256, 'hex') as sha256, encode(a.pixels, 'hex') as pixels, encode(a.blockhash, 'hex') as blockhash,
    encode(a.pdq, 'hex') as pdq, a.quality,
    m.name as model, a.embedding,
    replace(a.trace_id::text, '-', '') as trace_id,
    a.event_at, a.stored_at, a.kafka_partition, a.kafka_offset, a.segment
  from asset a
    left join asset_detail d on d.segment = a.segment and d.asset_id = a.id
    left join model m on m.id = a.model
    left join cluster_map c on c.model = a.model and c.cluster = a.cluster;
