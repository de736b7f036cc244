-- One row per asset, written once and never updated.
--
-- asset         what was computed, dense and of nearly fixed size: six rows a page (8,168 usable bytes / 6 = 1,352 a
--               tuple). A still with a 512-number vector takes 1,289 bytes + its tags (2 to 4 bytes each).
-- asset_detail  what people read about it: text of any length. Kept apart because a long URI in `asset` would leave
--               five rows a page, and because a vector scan should not read URIs.
-- asset_frame   key frames of videos and animations.
--
-- Columns stand in order of alignment: 8 bytes, uuid, 4 bytes, the vector (4), 2 bytes, 1 byte, then bytea of up to
-- 126 bytes, whose header is one unaligned byte. Nothing is padded.

-- Vectors are comparable within one model only. A model is its card's id and its weights: the same name with
-- other weights is another model.
create table model (
  id smallint generated always as identity primary key,
  name text not null,
  weights_sha256 bytea not null check (octet_length(weights_sha256) = 32),
  dimensions integer not null check (dimensions > 0),
  unique (name, weights_sha256)
);

-- Tag names by number, so that a row holds 2 to 4 bytes a tag. The number travels as a varint with one bit for the
-- tag's origin; frequent tags are met early, so they get the short numbers. Never renumbered.
create table tag (
  id integer generated always as identity (maxvalue 1073741823) primary key,
  name text not null unique
);

create table asset (
  event_at timestamptz not null,                  -- the producer's event time
  stored_at timestamptz not null default now(),   -- begin of the transaction that stored it
  bytes bigint not null,                          -- length of the original
  kafka_offset bigint not null,                   -- of asset.clustered, with kafka_partition: where the row came from
  duration_micros bigint,
  time_offset_micros bigint,                      -- where in the original this copy begins
  id uuid not null,                               -- UUIDv7, given at the edge
  trace_id uuid,                                  -- W3C trace id; a uuid because that is 16 bytes without a header
  canonical_id uuid,                              -- the original that this one copies
  kafka_partition integer not null,
  cluster integer,                                -- cluster number, stable for ever; within `model`
  cluster_similarity real,                        -- cosine to the cluster's nearest representative
  width integer,
  height integer,
  matched real,                                   -- share of frames matched, for copied videos
  -- No fixed dimension: models differ, and `model` says which. An index is made per model on (embedding::halfvec(n)).
  -- PLAIN keeps the vector in the row: 512 half-precision numbers are 1,032 bytes, and out of line they would cost
  -- two more relations and about four more WAL records.
  embedding halfvec,
  kind smallint not null,                         -- 0 image, 1 video, 2 audio
  relation smallint not null,                     -- 0 original, 1 same-bytes, 2 same-picture, 3 near-copy
  distance smallint,                              -- as the verdict tells it
  model smallint,                                 -- of embedding; refers to model(id), unchecked: a check reads a page per row
  quality smallint,                               -- 0 to 100 of the first frame; below 50 its hashes say little
  nsfw boolean,
  sha256 bytea not null check (octet_length(sha256) = 32),   -- of the original; its address in the blob store
  pixels bytea,                                   -- SHA-256 of the first frame's pixels
  blockhash bytea,                                -- 256 bits, first frame
  pdq bytea,                                      -- 256 bits, first frame
  tags bytea,                                     -- (varint (tag id * 2 + predicted), confidence in 1/255) best first
  -- The key grows at the right edge, so its B-tree costs about 20 bytes a row and no page twice. It makes a
  -- redelivered asset fail instead of doubling, and it serves lookups by id.
  primary key (id)
);
alter table asset alter column embedding set storage plain;
-- A row over 2 kB (many tags) moves its tags out until it is a sixth of a page again.
alter table asset set (toast_tuple_target = 1352);

-- Lookups by content, by original and by time. A B-tree or hash index on a random key rewrites about one page per
-- row (8 kB and as much WAL, for 33 bytes); BRIN keeps one summary of about 1 kB per 64 pages (384 rows), so it costs
-- 3 bytes a row, and a lookup reads the summaries and a few ranges instead of the table.
create index asset_brin on asset using brin (
  sha256 bytea_bloom_ops (n_distinct_per_range = 400),
  canonical_id uuid_bloom_ops (n_distinct_per_range = 400),
  event_at timestamptz_minmax_multi_ops
) with (pages_per_range = 64, autosummarize = on);

create table asset_detail (
  asset_id uuid not null,
  source text not null,
  source_id text,
  uri text not null,
  final_uri text,          -- null when it is the same
  media_type text not null,
  codec text not null,
  evidence text,           -- why dedupe decided as it did
  attributes text[]        -- key, value, key, value; null when there are none
);
-- Found by asset: ids grow with time, so a range of pages holds a narrow range of ids. Found by source id: any text.
create index asset_detail_brin on asset_detail using brin (
  asset_id uuid_minmax_multi_ops,
  source_id text_bloom_ops (n_distinct_per_range = 2000)
) with (pages_per_range = 32, autosummarize = on);

create table asset_frame (
  pts_micros bigint not null,
  asset_id uuid not null,
  embedding halfvec,       -- in the asset's model
  frame smallint not null, -- from 0, in order of time
  quality smallint,
  blob bytea not null check (octet_length(blob) = 32),   -- the frame's normal form
  pixels bytea,
  blockhash bytea,
  pdq bytea
);
alter table asset_frame alter column embedding set storage plain;
create index asset_frame_brin on asset_frame using brin (asset_id uuid_minmax_multi_ops)
  with (pages_per_range = 32, autosummarize = on);

-- Clusters that were merged or split: rows keep the number they were stored with, and read through this.
create table cluster_map (
  model smallint not null references model,
  cluster integer not null,
  became integer not null,
  decided_at timestamptz not null default now(),
  primary key (model, cluster)
);
