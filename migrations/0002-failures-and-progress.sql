-- Records that a stage gave up. Coordinates are those of the topic that the stage read: a dead letter that comes
-- twice is one failure.
create table asset_failure (
  event_at timestamptz not null,
  failed_at timestamptz not null default now(),   -- when it was recorded
  "offset" bigint not null,
  asset_id uuid,                                   -- the record's key, when it is one
  trace_id uuid,
  partition integer not null,
  attempts integer not null,
  stage text not null,
  topic text not null,
  code text not null,
  reason text not null,
  key text,                                        -- the record's key, when it is no asset id
  primary key (stage, topic, partition, "offset")
);
-- What became of an asset. Failures are few, so a B-tree on them is cheap.
create index asset_failure_asset on asset_failure (asset_id) where asset_id is not null;
-- Newest first, for people.
create index asset_failure_recent on asset_failure (failed_at);

-- How far a sink has come. A commit moves next_offset in the transaction that writes the rows; a claim raises
-- owner_epoch, which fences the owner before. Half of each page stays free: the row is updated in place (HOT).
create table sink_progress (
  sink text not null,
  topic text not null,
  partition integer not null,
  next_offset bigint not null,
  owner_epoch bigint not null,
  owner text not null,
  owner_backend integer not null,                  -- pg_backend_pid() of the claim, to end an owner that froze
  updated_at timestamptz not null default now(),
  primary key (sink, topic, partition)
) with (fillfactor = 50);
