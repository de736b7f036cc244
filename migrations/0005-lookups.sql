-- Lookups by content, source, cluster, original and time, each in some milliseconds at 6 million rows.
--
-- A B-tree or hash index on a random key rewrites about one page per row while it is kept live; built once for a sealed
-- segment it costs 20 bytes a row and more. BRIN with bloom filters costs 2.7 bytes a key and row (19 bits at one false
-- range in 10,000; at the default of one in 100 a lookup reads 1 % of the table). 128 pages are 768 rows, whose filter
-- takes a quarter of a page. Without statistics, or with an unlucky sample of a random column, the planner takes a
-- block-range index for useless and reads the table: so the lookups are functions that forbid it that.
--
-- Rows of a cluster lie in as many block ranges as there are rows, so a segment has a B-tree of them (12 bytes a row).

drop index asset_open_brin;
create index asset_open_brin on asset_open using brin (
  sha256 bytea_bloom_ops (n_distinct_per_range = 768, false_positive_rate = 0.0001),
  canonical_id uuid_bloom_ops (n_distinct_per_range = 200, false_positive_rate = 0.0001)
) with (pages_per_range = 128, autosummarize = on);
-- Apart from the filters, which a lookup by time would have to read over.
create index asset_open_times on asset_open using brin (event_at, stored_at) with (pages_per_range = 64, autosummarize = on);
-- 16 pages are 96 rows: a cluster's rows are few, and each costs its range.
create index asset_open_cluster on asset_open using brin (cluster int4_bloom_ops (n_distinct_per_range = 96, false_positive_rate = 0.001))
  with (pages_per_range = 16, autosummarize = on);
drop index asset_detail_open_brin;
create index asset_detail_open_brin on asset_detail_open using brin (asset_id) with (pages_per_range = 16, autosummarize = on);
create index asset_detail_open_source on asset_detail_open using brin (
  source_id text_bloom_ops (n_distinct_per_range = 800, false_positive_rate = 0.0001)
) with (pages_per_range = 16, autosummarize = on);

-- Lookups, as the rows that people read. The settings are for the planner, which takes a filter for useless and would
-- read whole tables; each found row costs a look into its own segment.

create function assets_with_sha256(wanted bytea) returns setof asset_view
  stable strict parallel safe rows 2 language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  return query select v.* from asset a join asset_view v on v.segment = a.segment and v.id = a.id where a.sha256 = wanted;
end $$;

create function assets_from_source(source_name text, wanted text) returns setof asset_view
  stable strict parallel safe rows 2 language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  return query select v.* from asset_detail d join asset_view v on v.segment = d.segment and v.id = d.asset_id
    where d.source_id = wanted and d.source = source_name;
end $$;

create function copies_of(original uuid) returns setof asset_view
  stable strict parallel safe rows 10 language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  return query select v.* from asset a join asset_view v on v.segment = a.segment and v.id = a.id where a.canonical_id = original;
end $$;

create function assets_in_cluster(in_model smallint, wanted integer) returns setof asset_view
  stable strict parallel safe rows 100 language plpgsql set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  -- Also those that were stored under a number that has become this one, and not those of this one if it became another.
  numbers integer[] := array(select m.cluster from cluster_map m where m.model = in_model and m.became = wanted)
    || array(select wanted where not exists (select from cluster_map m where m.model = in_model and m.cluster = wanted));
begin
  return query select v.* from asset a join asset_view v on v.segment = a.segment and v.id = a.id where a.cluster = any(numbers) and a.model = in_model;
end $$;
