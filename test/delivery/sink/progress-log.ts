/** Tells of every commit who made it and who owned the partition. */
export const PROGRESS_LOG = `
  create table progress_move (topic text, partition int, made_by text, owner text, from_offset bigint, to_offset bigint);
  create function log_progress() returns trigger language plpgsql as $$
  begin
    insert into progress_move values (new.topic, new.partition, current_setting('application_name'), new.owner, old.next_offset, new.next_offset);
    return null;
  end $$;
  create trigger log_progress after update on sink_progress for each row when (new.next_offset <> old.next_offset) execute function log_progress()`
