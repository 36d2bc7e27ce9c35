-- What taking over, retrying, cancelling and the sweep need.

alter table pipeline_runs
  -- Not started by then: the sweep cancels it.
  add column start_by       timestamptz,
  -- When it last became QUEUED.
  add column queued_at      timestamptz not null default now(),
  -- How often SQS was told since it last became QUEUED.
  add column dispatches     integer not null default 0 check (dispatches >= 0),
  -- When SQS is told again unless somebody claims it before.
  add column redispatch_at  timestamptz,
  add constraint redispatch_only_while_queued check (
    redispatch_at is null or (status = 'QUEUED' and dispatch = 'push'));

-- What SQS was told before: it is told once more, in case that was lost.
update pipeline_runs
set queued_at = created_at,
    redispatch_at = case when status = 'QUEUED' and dispatch = 'push' and dispatch_due_at is null then now() end;

create index pipeline_runs_redispatch on pipeline_runs (redispatch_at, id) where redispatch_at is not null;
create index pipeline_runs_start_by on pipeline_runs (start_by, id)
  where status = 'QUEUED' and started_at is null and start_by is not null;

-- Why an attempt was lost, in one sentence for three statements. heartbeat_at is null if there was no heartbeat yet.
create function lease_expired_message(
  claimed_by text, claimed_at timestamptz, heartbeat_at timestamptz, lease_expires_at timestamptz)
returns text language sql stable
return format('worker %s was silent since %s; its lease expired at %s', claimed_by,
  to_char(coalesce(heartbeat_at, claimed_at) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
  to_char(lease_expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'));

-- How long a run waits after its n-th attempt (1-based) has failed: min(cap, delay · rate^(n-1)), of which full jitter takes
-- a random part. From the top-level `retry` of a dag_spec, which is a stranger's JSON: what is no number, or out of
-- bounds, counts as the default or the bound. 2 s, rate 2, at most 15 min unless it says otherwise.
create function retry_delay(dag_spec jsonb, failed_attempt integer)
returns interval language sql volatile
begin atomic
  select make_interval(secs =>
    least(cap, delay * power(rate, failed_attempt - 1))
    * case when dag_spec #>> '{retry,jitter}' = 'none' then 1 else random() end)
  from (
    select
      case when jsonb_typeof(dag_spec #> '{retry,delay_seconds}') = 'number'
           then least(86400, greatest(0, (dag_spec #> '{retry,delay_seconds}')::numeric)) else 2 end::double precision as delay,
      case when jsonb_typeof(dag_spec #> '{retry,backoff_rate}') = 'number'
           then least(10, greatest(1, (dag_spec #> '{retry,backoff_rate}')::numeric)) else 2 end::double precision as rate,
      case when jsonb_typeof(dag_spec #> '{retry,max_delay_seconds}') = 'number'
           then least(86400, greatest(0, (dag_spec #> '{retry,max_delay_seconds}')::numeric)) else 900 end::double precision as cap
  ) retry;
end;
