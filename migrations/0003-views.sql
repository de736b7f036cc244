-- The rows as people read them.

create function kind_name(kind smallint) returns text immutable strict parallel safe language sql
  return (array['image', 'video', 'audio'])[kind + 1];

create function relation_name(relation smallint) returns text immutable strict parallel safe language sql
  return (array['original', 'same-bytes', 'same-picture', 'near-copy'])[relation + 1];

-- Tags of a row: per tag a varint (LEB128) of tag id * 2 + predicted, and one byte of confidence.
create function tag_entries(tags bytea, out rank integer, out tag_id integer, out confidence real, out predicted boolean)
  returns setof record immutable strict parallel safe language plpgsql as $$
declare
  at integer := 0;
  number bigint;
  shift integer;
  byte integer;
begin
  rank := 0;
  while at < octet_length(tags) loop
    number := 0;
    shift := 0;
    loop
      byte := get_byte(tags, at);
      at := at + 1;
      number := number | ((byte & 127)::bigint << shift);
      exit when byte < 128;
      shift := shift + 7;
    end loop;
    rank := rank + 1;
    tag_id := (number >> 1)::integer;
    predicted := (number & 1) = 1;
    confidence := (get_byte(tags, at) / 255.0)::real;
    at := at + 1;
    return next;
  end loop;
end $$;

create view asset_tag as
  select a.id as asset_id, e.rank, t.name, e.confidence, e.predicted
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
    a.event_at, a.stored_at, a.kafka_partition, a.kafka_offset
  from asset a
    left join asset_detail d on d.asset_id = a.id
    left join model m on m.id = a.model
    left join cluster_map c on c.model = a.model and c.cluster = a.cluster;

create view failure_view as
  select coalesce(f.asset_id::text, f.key) as asset, f.stage, f.code, f.reason, f.attempts, f.topic, f.partition, f."offset",
    replace(f.trace_id::text, '-', '') as trace_id, f.event_at, f.failed_at
  from asset_failure f;
