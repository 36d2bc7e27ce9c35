-- Where a run's trace goes on from: the `traceparent` of the W3C, as the request that made the run had it.
set local lock_timeout = '10s';

alter table pipeline_runs add column traceparent text;
comment on column pipeline_runs.traceparent is
  'The span that the trace of this run goes on from, as the header `traceparent` of the W3C (version 00). Null: nobody traces it.';

-- As check_run, in a trigger of its own: it costs nothing where no traceparent is written, and nothing when a run is claimed or ends.
create function refuse_traceparent() returns trigger language plpgsql as $$
begin
  raise exception 'run %: its traceparent is none', new.id
    using errcode = 'check_violation', table = 'pipeline_runs', constraint = 'pipeline_runs_traceparent_check';
end $$;

create trigger check_traceparent before insert or update of traceparent on pipeline_runs for each row
  when (new.traceparent !~ '^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$')
  execute function refuse_traceparent();
