-- The queue at full speed: claims of several runs at once, exact limits, pauses, one run at a time per key, fair turns.
-- claim_runs notes workers in a table of 20261124000005_workers: both are applied, and undone, together.
--
-- The search for a run is a function, because each of its steps has to see what was committed a moment ago (a statement sees only
-- what was committed before it began), and because most claims need only a few of the steps (docs/decisions/0016).

-- Whoever waits for a table keeps everybody out who comes after: rather give up, and be run again when it is quiet.
set local lock_timeout = '10s';

-- Postgres reads every CHECK constraint of a table anew for every statement that updates it, whichever columns change: of 27 they cost a claim
-- and a completion a quarter of their time. What never changes about a run is checked when it is inserted, and when somebody changes it
-- all the same; what the verbs change stays a constraint, in as few as possible.
alter table pipeline_runs
  drop constraint pipeline_runs_trigger_type_check,
  drop constraint pipeline_runs_parameters_check,
  drop constraint pipeline_runs_queue_check,
  drop constraint pipeline_runs_priority_check,
  drop constraint pipeline_runs_labels_check,
  drop constraint pipeline_runs_dispatch_check,
  drop constraint pipeline_runs_max_attempts_check,
  drop constraint pipeline_runs_max_lost_check,
  drop constraint pipeline_runs_idempotency_key_check,
  drop constraint pipeline_runs_request_sha256_check,
  drop constraint idempotency_key_with_digest,
  drop constraint pipeline_runs_attempt_check,
  drop constraint pipeline_runs_lost_check,
  drop constraint pipeline_runs_claim_count_check,
  drop constraint pipeline_runs_claimed_by_check,
  drop constraint pipeline_runs_lease_seconds_check,
  drop constraint pipeline_runs_error_code_check,
  drop constraint pipeline_runs_dispatches_check,
  drop constraint attempt_within_max,
  add column concurrency_key text,
  add constraint attempt_within_max check (attempt between 1 and max_attempts),
  add constraint counts_and_words check (
    least(lost, claim_count, dispatches) >= 0 and lease_seconds between 5 and 43200
    and length(claimed_by) between 1 and 200 and length(error_code) <= 100);

create function check_run() returns trigger language plpgsql as $$
declare
  fault constant text := case
    when length(new.trigger_type) not between 1 and 30 then 'trigger_type'
    when jsonb_typeof(new.parameters) <> 'object' then 'parameters'
    when length(new.queue) not between 1 and 100 then 'queue'
    when new.priority not between 0 and 9 then 'priority'
    when jsonb_typeof(new.labels) <> 'object' then 'labels'
    when new.dispatch not in ('push', 'pull') then 'dispatch'
    when new.max_attempts not between 1 and 20 then 'max_attempts'
    when new.max_lost not between 0 and 20 then 'max_lost'
    when length(new.idempotency_key) not between 1 and 255 then 'idempotency_key'
    when length(new.request_sha256) <> 32 then 'request_sha256'
    when (new.idempotency_key is null) <> (new.request_sha256 is null) then 'idempotency_key_with_digest'
    when length(new.concurrency_key) not between 1 and 200 then 'concurrency_key'
  end;
begin
  if fault is not null then
    raise exception 'run %: its % is out of bounds', new.id, fault
      using errcode = 'check_violation', table = 'pipeline_runs', constraint = 'pipeline_runs_' || fault || '_check';
  end if;
  return new;
end $$;

create trigger check_new_run before insert on pipeline_runs for each row execute function check_run();
create trigger check_changed_run
  before update of trigger_type, parameters, queue, priority, labels, dispatch, max_attempts, max_lost, idempotency_key,
    request_sha256, concurrency_key on pipeline_runs
  for each row execute function check_run();

-- At most one run of a tenant with this key is RUNNING at a time.
create unique index pipeline_runs_concurrency_key on pipeline_runs (tenant_id, concurrency_key)
  where status = 'RUNNING' and concurrency_key is not null;

-- The queue as claims with `queues` see it, and as claims of a tenant see it that has pipelines with limits.
create index pipeline_runs_queue_by_queue on pipeline_runs (queue, tenant_id, priority desc, available_at, id)
  where status = 'QUEUED';
create index pipeline_runs_queue_by_pipeline on pipeline_runs (tenant_id, pipeline_id, priority desc, available_at, id)
  where status = 'QUEUED';
-- Runs that are pushed once their tenant or pipeline may run more: SQS knows nothing of them yet.
create index pipeline_runs_parked on pipeline_runs (tenant_id, pipeline_id, priority desc, available_at, id)
  where status = 'QUEUED' and dispatch = 'push' and dispatch_due_at is null and redispatch_at is null;

-- One claim may take several runs. That the same claim_id is used twice at once is seen to by a lock (claim_runs).
drop index pipeline_runs_claim_id;
create index pipeline_runs_claim_id on pipeline_runs (claim_id) where status = 'RUNNING' and claim_id is not null;

-- What most tenants have none of.
create index pipelines_bounded on pipelines (tenant_id) where paused or max_running is not null;

-- Whoever counts the leases of a tenant in order to give another one holds this lock alone; whoever extends a lease that is about to
-- expire shares it. Of no other tenant. Lasts until the end of the transaction.
create function tenant_lock_key(tenant uuid) returns bigint language sql immutable strict parallel safe
return uuid_hash_extended(tenant, 1);

-- Whether a lease may still be extended. Waits for whoever counts leases at this moment: a lease that was counted as expired must
-- not come to life again.
create function lease_is_alive(tenant uuid, expires_at timestamptz) returns boolean language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock_shared(tenant_lock_key(tenant));
  return expires_at > clock_timestamp();
end $$;

-- Whether no run of the tenant with this key is RUNNING. True also means that until the end of the transaction nobody else is told so.
create function concurrency_key_is_free(tenant uuid, key text) returns boolean language plpgsql volatile as $$
begin
  if not pg_try_advisory_xact_lock(hashtextextended(key, uuid_hash_extended(tenant, 2))) then
    return false;
  end if;
  -- A query of its own: it sees what was committed before the lock was there.
  return not exists (
    select from pipeline_runs r where r.tenant_id = tenant and r.concurrency_key = key and r.status = 'RUNNING');
end $$;

-- Whether a run that waits, and whose time has come, may be claimed. Apart from slots; the key is asked about last.
create function is_claimable(
  start_by timestamptz, started_at timestamptz, dispatch text, pushed_only boolean, tenant uuid, concurrency_key text)
returns boolean language sql volatile
return (start_by is null or start_by > now() or started_at is not null)
  and (not pushed_only or dispatch = 'push')
  and case when concurrency_key is null then true else concurrency_key_is_free(tenant, concurrency_key) end;

-- Whether a tenant, or this pipeline of it, has a limit: then the end of a run frees a slot that another one may be waiting for.
create function has_limit(tenant uuid, pipeline uuid) returns boolean language sql stable
return exists (select from tenants t where t.id = tenant and t.max_running is not null)
    or exists (select from pipelines p where p.id = pipeline and p.max_running is not null);

-- Gives a lease on each of these runs, which the caller has locked and looked at: RUNNING from now on, each under a token of its own.
create function lease_runs(
  ids uuid[], taken_over boolean, worker text, seconds integer, claim uuid,
  -- Whether their tenant is known to have no limits.
  unbounded boolean)
-- bounded: its end frees a slot that another run may be waiting for.
returns table (run pipeline_runs, version_status text, dag_spec jsonb, bounded boolean)
language plpgsql volatile rows 1 as $$
begin
  if taken_over then
    insert into run_attempts (run_id, claim_number, tenant_id, attempt, outcome, lease_token, claimed_by, claimed_at, ended_at,
      error_code, error_message)
    select l.id, l.claim_count, l.tenant_id, l.attempt, 'LOST', l.lease_token, l.claimed_by, l.claimed_at, l.lease_expires_at,
      'lease_expired', lease_expired_message(l.claimed_by, l.claimed_at, l.heartbeat_at, l.lease_expires_at)
    from pipeline_runs l
    where l.id = any (ids);
  end if;
  return query
  update pipeline_runs r
  set status = 'RUNNING',
      claimed_by = worker,
      claimed_at = now(),
      claim_id = claim,
      claim_count = r.claim_count + 1,
      lease_token = gen_random_uuid(),
      lease_seconds = seconds,
      lease_expires_at = now() + make_interval(secs => seconds),
      heartbeat_at = null,
      lost = r.lost + case when taken_over then 1 else 0 end,
      started_at = coalesce(r.started_at, now()),
      dispatch_due_at = null,
      redispatch_at = null,
      dispatches = 0,
      updated_at = now()
  from pipeline_versions v
  where r.id = any (ids) and v.id = r.pipeline_version_id
  returning r, v.status, v.dag_spec,
    r.concurrency_key is not null or (not unbounded and has_limit(r.tenant_id, r.pipeline_id));
end $$;

-- The tenant whose turn is next: the lowest in (after, until] that has a run in these queues whose time has come. Tenants with marks
-- count unasked, and beyond one of them nothing is searched: the entries before its marks may be many that are long gone.
create function next_in_turn(after uuid, until uuid, marked uuid[], among text[]) returns uuid language plpgsql volatile as $$
declare
  with_marks uuid;
  below uuid;
  found_one uuid;
begin
  select m.tenant into with_marks from unnest(marked) m (tenant)
  where m.tenant > after and m.tenant <= until
  order by m.tenant
  limit 1;
  below := coalesce(with_marks, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  if among is null then
    select q.tenant_id into found_one
    from pipeline_runs q
    where q.status = 'QUEUED' and q.tenant_id > after and q.tenant_id <= until and q.tenant_id < below and q.available_at <= now()
    order by q.tenant_id
    limit 1;
  else
    select first.tenant_id into found_one
    from unnest(among) a (queue)
    cross join lateral (
      select q.tenant_id
      from pipeline_runs q
      where q.status = 'QUEUED' and q.queue = a.queue
        and q.tenant_id > after and q.tenant_id <= until and q.tenant_id < below and q.available_at <= now()
      order by q.tenant_id
      limit 1) first
    order by first.tenant_id
    limit 1;
  end if;
  return coalesce(found_one, with_marks);
end $$;

-- The bytes of a value as text; 0 if it is sure to fit: a hundred small values do, and a single run always does.
create function octets(value jsonb, bytes_left bigint) returns integer language sql immutable
return case when bytes_left is null or (pg_column_size(value) < 2000 and pg_column_compression(value) is null) then 0
            else octet_length(value::text) end;

-- Locks up to `wanted` runs of a tenant that may be claimed, the best first, and passes by those that somebody else has locked.
-- Nothing is searched before the marks, of which there is one for each priority from 0 to 9.
--
-- `x between y and y` beside `x = y` says nothing new, but makes Postgres take the index that begins with x, whatever it believes about
-- how many different x there are: of the queue that is asked for there may be very few among very many.
create function lock_waiting(
  tenant uuid, among text[], blocked uuid[], pushed_only boolean, wanted integer, from_times timestamptz[], from_runs uuid[],
  -- How many bytes they may have in an answer; null: one run, however large.
  bytes_left bigint,
  -- cut: those that were left out would make the answer too large. again: some were left out for others with the same concurrency key,
  -- so that there may be more. bytes: of those that were not left out.
  out ids uuid[], out cut boolean, out again boolean, out bytes bigint)
language plpgsql volatile as $$
declare
  lowest constant uuid := '00000000-0000-0000-0000-000000000000';
  -- A run without its parameters and its version has less: labels and keys are bounded.
  run_bytes constant bigint := 8000;
  keys text[];
  octets integer[];
  versions uuid[];
  -- The keys that are in use, so that their runs are passed by without a lock and a look for each.
  busy jsonb;
begin
  select jsonb_object_agg(r.concurrency_key, null) into busy
  from pipeline_runs r
  where r.tenant_id = tenant and r.status = 'RUNNING' and r.concurrency_key is not null;
  if among is null and blocked is null then
    select array_agg(best.id), array_agg(best.concurrency_key), array_agg(best.octets), array_agg(best.pipeline_version_id)
    into ids, keys, octets, versions
    from (
      select q.*
      from generate_series(9, 0, -1) level (priority)
      cross join lateral (
        select q.id, q.concurrency_key, octets(q.parameters, bytes_left) as octets, q.pipeline_version_id
        from pipeline_runs q
        where q.status = 'QUEUED' and q.tenant_id = tenant and q.priority = level.priority
          and (q.available_at, q.id) >= (coalesce(from_times[level.priority + 1], '-infinity'),
                                         coalesce(from_runs[level.priority + 1], lowest))
          and q.available_at <= now()
          and (q.concurrency_key is null or busy is null or not busy ? q.concurrency_key)
          and is_claimable(q.start_by, q.started_at, q.dispatch, pushed_only, tenant, q.concurrency_key)
        order by q.available_at, q.id
        limit wanted
        for no key update skip locked
      ) q
      limit wanted
    ) best;
  elsif among is null then
    -- Pipeline by pipeline, as the runs of those that are blocked may be many: first where each begins, then from the best one on.
    with recursive pipeline (id) as (
        (select q.pipeline_id from pipeline_runs q
         where q.status = 'QUEUED' and q.tenant_id = tenant order by q.pipeline_id limit 1)
      union all
        select (select q.pipeline_id from pipeline_runs q
                where q.status = 'QUEUED' and q.tenant_id = tenant and q.pipeline_id > pipeline.id
                order by q.pipeline_id limit 1)
        from pipeline where pipeline.id is not null
    ), lane as materialized (
      select pipeline.id as pipeline_id, level.priority, first.available_at, first.id
      from pipeline
      cross join generate_series(9, 0, -1) level (priority)
      cross join lateral (
        select q.available_at, q.id from pipeline_runs q
        where q.status = 'QUEUED' and q.tenant_id = tenant and q.pipeline_id = pipeline.id
          and q.pipeline_id between pipeline.id and pipeline.id and q.priority = level.priority
          and q.available_at <= now()
        order by q.available_at, q.id limit 1) first
      where pipeline.id <> all (blocked)
    )
    select array_agg(best.id), array_agg(best.concurrency_key), array_agg(best.octets), array_agg(best.pipeline_version_id)
    into ids, keys, octets, versions
    from (
      select q.*
      from (select * from lane order by lane.priority desc, lane.available_at, lane.id) lane
      cross join lateral (
        select q.id, q.concurrency_key, octets(q.parameters, bytes_left) as octets, q.pipeline_version_id
        from pipeline_runs q
        where q.status = 'QUEUED' and q.tenant_id = tenant and q.pipeline_id = lane.pipeline_id
          and q.pipeline_id between lane.pipeline_id and lane.pipeline_id and q.priority = lane.priority
          and (q.available_at, q.id) >= (lane.available_at, lane.id)
          and q.available_at <= now()
          and (q.concurrency_key is null or busy is null or not busy ? q.concurrency_key)
          and is_claimable(q.start_by, q.started_at, q.dispatch, pushed_only, tenant, q.concurrency_key)
        order by q.available_at, q.id
        limit wanted
        for no key update skip locked
      ) q
      limit wanted
    ) best;
  else
    -- Queue by queue, likewise.
    with lane as materialized (
      select a.queue, level.priority, first.available_at, first.id
      from (select distinct a.queue from unnest(among) a (queue)) a
      cross join generate_series(9, 0, -1) level (priority)
      cross join lateral (
        select q.available_at, q.id from pipeline_runs q
        where q.status = 'QUEUED' and q.queue = a.queue and q.queue between a.queue and a.queue and q.tenant_id = tenant
          and q.priority = level.priority
          and (q.available_at, q.id) >= (coalesce(from_times[level.priority + 1], '-infinity'),
                                         coalesce(from_runs[level.priority + 1], lowest))
          and q.available_at <= now()
        order by q.available_at, q.id limit 1) first
    )
    select array_agg(best.id), array_agg(best.concurrency_key), array_agg(best.octets), array_agg(best.pipeline_version_id)
    into ids, keys, octets, versions
    from (
      select q.*
      from (select * from lane order by lane.priority desc, lane.available_at, lane.id) lane
      cross join lateral (
        select q.id, q.concurrency_key, octets(q.parameters, bytes_left) as octets, q.pipeline_version_id
        from pipeline_runs q
        where q.status = 'QUEUED' and q.queue = lane.queue and q.queue between lane.queue and lane.queue and q.tenant_id = tenant
          and q.priority = lane.priority
          and (q.available_at, q.id) >= (lane.available_at, lane.id)
          and q.available_at <= now()
          and (blocked is null or q.pipeline_id <> all (blocked))
          and (q.concurrency_key is null or busy is null or not busy ? q.concurrency_key)
          and is_claimable(q.start_by, q.started_at, q.dispatch, pushed_only, tenant, q.concurrency_key)
        order by q.available_at, q.id
        limit wanted
        for no key update skip locked
      ) q
      limit wanted
    ) best;
  end if;

  cut := false;
  again := false;
  bytes := 0;
  if bytes_left is not null and ids is not null then
    -- Of several with one key only the first, as only one may be RUNNING; and as many as fit into the answer.
    select array_agg(c.id order by c.place) filter (where c.bytes <= bytes_left), bool_or(c.bytes > bytes_left),
      count(*) < cardinality(ids), max(c.bytes) filter (where c.bytes <= bytes_left)
    into ids, cut, again, bytes
    from (
      select k.id, k.place, sum(run_bytes + k.octets + v.octets) over (order by k.place) as bytes
      from (
        select u.*, row_number() over (partition by u.key, case when u.key is null then u.id end order by u.place) as of_key
        from unnest(ids, keys, octets, versions) with ordinality u (id, key, octets, version, place)
      ) k
      join (
        select w.id, octets(w.dag_spec, bytes_left) as octets
        from pipeline_versions w
        where w.id = any (array(select distinct u.version from unnest(versions) u (version)))
      ) v on v.id = k.version
      where k.of_key = 1
    ) c;
  end if;
end $$;

-- A new mark of a tenant's queue with this priority: the first run at or after the old one whose time has come. If there is none, now: what
-- is delayed must not hide what comes before it.
create function move_mark(
  tenant uuid, among text[], of_priority integer, inout at_time timestamptz, inout at_run uuid)
language plpgsql volatile as $$
declare
  lowest constant uuid := '00000000-0000-0000-0000-000000000000';
  first record;
begin
  at_time := coalesce(at_time, '-infinity');
  at_run := coalesce(at_run, lowest);
  if among is null then
    select q.available_at, q.id into first
    from pipeline_runs q
    where q.status = 'QUEUED' and q.tenant_id = tenant and q.priority = of_priority
      and (q.available_at, q.id) >= (at_time, at_run) and q.available_at <= now()
    order by q.available_at, q.id
    limit 1;
  else
    select f.available_at, f.id into first
    from unnest(among) a (queue)
    cross join lateral (
      select q.available_at, q.id
      from pipeline_runs q
      where q.status = 'QUEUED' and q.queue = a.queue and q.tenant_id = tenant and q.priority = of_priority
        and (q.available_at, q.id) >= (at_time, at_run) and q.available_at <= now()
      order by q.available_at, q.id
      limit 1) f
    order by f.available_at, f.id
    limit 1;
  end if;
  at_time := coalesce(first.available_at, now());
  at_run := coalesce(first.id, lowest);
end $$;

-- How many more leases a tenant may have, and each of its pipelines that has a limit or is paused. Who gives a lease holds the tenant's lock,
-- so that this sees what the claim before it has committed; for others it is a hint.
create function count_slots(
  tenant uuid,
  -- null: no limit.   The pipelines, their slots, and those of them that have none.
  out slots bigint, out pipelines uuid[], out pipeline_slots bigint[], out blocked uuid[])
language plpgsql volatile as $$
begin
  with running as materialized (
    select r.pipeline_id, count(*) as leases
    from pipeline_runs r
    where r.tenant_id = tenant and r.status = 'RUNNING' and r.lease_expires_at > now()
    group by r.pipeline_id
  ), bounded as (
    select p.id, case when p.paused then 0 else greatest(0, p.max_running - coalesce(running.leases, 0)) end as slots
    from pipelines p
    left join running on running.pipeline_id = p.id
    where p.tenant_id = tenant and (p.paused or p.max_running is not null)
  )
  select
    case when t.paused then 0 else t.max_running - coalesce((select sum(running.leases) from running), 0) end,
    bounded.ids, bounded.slots, bounded.blocked
  into slots, pipelines, pipeline_slots, blocked
  from tenants t
  cross join (
    select array_agg(b.id) as ids, array_agg(b.slots) as slots, array_agg(b.id) filter (where b.slots = 0) as blocked
    from bounded b
  ) bounded
  where t.id = tenant;
end $$;

-- Whether a tenant, and this pipeline of it, may have another lease. If they are bounded, nobody else counts their leases until the end
-- of the transaction; false also if somebody does at this moment.
create function has_slot(tenant uuid, pipeline uuid) returns boolean language plpgsql volatile as $$
declare
  room record;
begin
  select t.paused, t.max_running is not null or p.paused or p.max_running is not null as is_bounded into room
  from tenants t join pipelines p on p.tenant_id = t.id
  where t.id = tenant and p.id = pipeline;
  if room.paused then return false; end if;
  if not room.is_bounded then return true; end if;
  if not pg_try_advisory_xact_lock(tenant_lock_key(tenant)) then return false; end if;
  select * into room from count_slots(tenant);
  return coalesce(room.slots > 0, true) and coalesce(pipeline <> all (room.blocked), true);
end $$;

-- What a claim_id has claimed, as far as its leases live.
create function claimed_before(claim uuid)
returns table (run pipeline_runs, version_status text, dag_spec jsonb, bounded boolean)
language plpgsql volatile rows 1 as $$
begin
  return query
  -- The claim_id by itself first: with the test of the lease beside it, Postgres would rather look through all leases.
  with held as materialized (
    select h.id from pipeline_runs h where h.claim_id = claim and h.status = 'RUNNING'
  )
  select r, v.status, v.dag_spec, r.concurrency_key is not null or has_limit(r.tenant_id, r.pipeline_id)
  from held
  join pipeline_runs r on r.id = held.id
  join pipeline_versions v on v.id = r.pipeline_version_id
  where r.lease_expires_at > now();
end $$;

-- Locks the run whose lease expired first, of those whose lease expired after `seen`, and may be lost once more. Null: there is none.
create function lock_expired(scope uuid, among text[], pushed_only boolean, seen timestamptz) returns uuid
language plpgsql volatile as $$
declare
  found_one uuid;
begin
  select l.id into found_one
  from pipeline_runs l
  where l.status = 'RUNNING'
    and l.lease_expires_at <= now()
    and l.lease_expires_at > seen
    and l.lost < l.max_lost
    and (scope is null or l.tenant_id = scope)
    and (among is null or l.queue = any (among))
    and (not pushed_only or l.dispatch = 'push')
    and has_slot(l.tenant_id, l.pipeline_id)
  order by l.lease_expires_at
  limit 1
  for no key update skip locked;
  return found_one;
end $$;

-- Claims up to `wanted` runs (docs/decisions/0016 says why it looks where it looks):
--   of one tenant, or without a scope of the tenants in turn, going on after `turn`. Within a tenant by priority, then available_at,
--   then id. Only if nothing is due, runs whose lease has expired.
-- Answers a row for each run, or one without a run. The last row, and only that, tells the caller how to go on.
--
-- A mark says that nothing waits before it in the queue of a tenant with a priority: `marked` are tenants, and mark_times and
-- mark_runs have ten entries for each of them, for priority 0 to 9. What comes to lie before a mark later (a run that is QUEUED
-- again, one whose creation commits late) is found when a claim starts over: when nothing is left after the marks, if
-- may_start_over; and when the caller leaves its marks out, which it does every now and then.
create function claim_runs(
  scope uuid, among text[], pushed_only boolean, worker text, seconds integer, claim uuid, wanted integer,
  -- Of how many tenants it looks at the queue; after whom; where a search that was broken off has begun, or null.
  max_probes integer, turn uuid, began uuid,
  marked uuid[], mark_times timestamptz[], mark_runs uuid[], may_start_over boolean,
  -- Leases that expired until then were looked at.
  leases_seen timestamptz,
  -- Whether to note that the worker is alive.
  note boolean)
returns table (
  run pipeline_runs, version_status text, dag_spec jsonb, bounded boolean,
  -- Of the last row. The claim_id belongs to another worker, or to a claim outside of the scope.
  in_use boolean,
  -- There may be runs to claim that were not looked at.
  more boolean,
  last_turn uuid,
  -- A tenant's queue was searched from its beginning, as nothing was left after its marks.
  started_over boolean,
  -- How long the queues were searched, without waiting for anybody.
  search_seconds double precision,
  -- Tenants whose marks are of no use any more.
  emptied uuid[],
  -- The marks that this claim has made.
  new_tenants uuid[], new_priorities integer[], new_times timestamptz[], new_runs uuid[],
  new_leases_seen timestamptz)
language plpgsql volatile rows 2 as $$
declare
  unclaimed integer := wanted;
  probes integer := 0;
  wrapped boolean;
  tenant uuid;
  slot integer;
  room record;
  taken record;
  waiting record;
  mark record;
  n integer;
  is_cut boolean := false;
  at_priority integer;
  touched integer[];
  expired uuid;
  search_began timestamptz;
  -- More would not fit through Lambda (6 MB). Null for one run, which always does: its parameters and its version are bounded.
  bytes_left bigint := case when wanted > 1 then 4000000 end;
begin
  in_use := false;
  search_seconds := 0;
  more := false;
  started_over := false;
  -- The turns go round from `turn` to `began`: upwards, and then, unless a search that was broken off has been there, from below.
  began := coalesce(began, turn);
  wrapped := turn < began;

  if note then
    perform see_worker(worker, scope, among);
  end if;

  if claim is not null then
    -- Of two calls with one claim_id the second waits here, and then finds what the first has claimed.
    perform pg_advisory_xact_lock(uuid_hash_extended(claim, 3));
    for taken in select * from claimed_before(claim) loop
      -- Two workers with one claim_id would both do the work.
      in_use := (taken.run).claimed_by <> worker or (scope is not null and (taken.run).tenant_id <> scope);
      exit when in_use;
      unclaimed := 0;
      if run is distinct from null then return next; end if;
      run := taken.run; version_status := taken.version_status; dag_spec := taken.dag_spec; bounded := taken.bounded;
    end loop;
    if in_use then unclaimed := 0; end if;
  end if;

  while unclaimed > 0 loop
    if scope is not null then
      exit when probes > 0;
      tenant := scope;
    else
      tenant := next_in_turn(turn, case when wrapped then began else 'ffffffff-ffff-ffff-ffff-ffffffffffff' end, marked, among);
      if tenant is null then
        exit when wrapped;
        wrapped := true;
        turn := '00000000-0000-0000-0000-000000000000';
        continue;
      end if;
      if probes >= max_probes then
        more := true;
        exit;
      end if;
      turn := tenant;
    end if;
    probes := probes + 1;

    select t.paused, t.max_running is not null
        or exists (select from pipelines p where p.tenant_id = t.id and (p.paused or p.max_running is not null)) as is_bounded,
      null::bigint as slots, null::uuid[] as pipelines, null::bigint[] as pipeline_slots, null::uuid[] as blocked
    into room
    from tenants t where t.id = tenant;
    continue when not found or room.paused;
    if room.is_bounded then
      -- Leases are counted by one claim at a time. Whoever asks for this tenant waits; who asks for any goes to the next.
      if scope is not null then
        perform pg_advisory_xact_lock(tenant_lock_key(tenant));
      elsif not pg_try_advisory_xact_lock(tenant_lock_key(tenant)) then
        more := true;
        continue;
      end if;
      select false as paused, true as is_bounded, s.* into room from count_slots(tenant) s;
    end if;

    slot := array_position(marked, tenant);
    loop
      -- No more at once than the pipeline may have that may have the fewest: they may all be of that one.
      n := least(unclaimed, room.slots, (select min(of_pipeline) from unnest(room.pipeline_slots) of_pipeline where of_pipeline > 0));
      exit when n <= 0;
      -- Marks are of the whole queue: beside pipelines that are blocked, their runs lie before every mark.
      if room.blocked is not null then slot := null; end if;
      search_began := clock_timestamp();
      select * into waiting
      from lock_waiting(tenant, among, room.blocked, pushed_only, n,
        mark_times[slot * 10 - 9 : slot * 10], mark_runs[slot * 10 - 9 : slot * 10], bytes_left);
      search_seconds := search_seconds + extract(epoch from clock_timestamp() - search_began);
      is_cut := coalesce(waiting.cut, false);
      if waiting.ids is null and is_cut and unclaimed = wanted then
        -- It alone is too large for several, but not for one.
        select * into waiting
        from lock_waiting(tenant, among, room.blocked, pushed_only, 1,
          mark_times[slot * 10 - 9 : slot * 10], mark_runs[slot * 10 - 9 : slot * 10], null);
      end if;
      exit when waiting.ids is null and is_cut;
      if waiting.ids is null then
        if slot is not null and may_start_over then
          started_over := true;
          slot := null;
          continue;
        end if;
        if slot is null then emptied := emptied || tenant; end if;
        exit;
      end if;
      bytes_left := bytes_left - waiting.bytes;

      touched := null;
      for taken in select * from lease_runs(waiting.ids, false, worker, seconds, claim, not room.is_bounded) loop
        unclaimed := unclaimed - 1;
        room.slots := room.slots - 1;
        at_priority := (taken.run).priority;
        if touched is null or at_priority <> all (touched) then touched := touched || at_priority; end if;
        if room.pipelines is not null and (taken.run).pipeline_id = any (room.pipelines) then
          n := array_position(room.pipelines, (taken.run).pipeline_id);
          room.pipeline_slots[n] := room.pipeline_slots[n] - 1;
          if room.pipeline_slots[n] = 0 then room.blocked := room.blocked || room.pipelines[n]; end if;
        end if;
        if run is distinct from null then return next; end if;
        run := taken.run; version_status := taken.version_status; dag_spec := taken.dag_spec; bounded := taken.bounded;
      end loop;
      if room.blocked is null then
        foreach at_priority in array touched loop
          n := slot * 10 - 9 + at_priority;
          select * into mark from move_mark(tenant, among, at_priority, mark_times[n], mark_runs[n]);
          new_tenants := new_tenants || tenant;
          new_priorities := new_priorities || at_priority;
          new_times := new_times || mark.at_time;
          new_runs := new_runs || mark.at_run;
        end loop;
      end if;
      exit when (room.pipelines is null and not waiting.again) or is_cut;
    end loop;
    more := more or is_cut;
    exit when is_cut;
  end loop;

  if unclaimed = wanted and not in_use then
    new_leases_seen := now();
    while unclaimed > 0 loop
      expired := lock_expired(scope, among, pushed_only, coalesce(leases_seen, '-infinity'));
      exit when expired is null;
      select bytes_left - 8000 - octets(r.parameters, bytes_left) - octets(v.dag_spec, bytes_left) into bytes_left
      from pipeline_runs r join pipeline_versions v on v.id = r.pipeline_version_id where r.id = expired;
      if bytes_left < 0 and unclaimed < wanted then
        more := true;
        exit;
      end if;
      new_leases_seen := null;
      for taken in select * from lease_runs(array[expired], true, worker, seconds, claim, false) loop
        unclaimed := unclaimed - 1;
        if run is distinct from null then return next; end if;
        run := taken.run; version_status := taken.version_status; dag_spec := taken.dag_spec; bounded := taken.bounded;
      end loop;
    end loop;
  end if;

  last_turn := turn;
  more := more and unclaimed > 0;
  return next;
end $$;

-- Claims the runs that messages name, each if it is QUEUED and due, or if its lease has expired, and if its tenant and pipeline may have
-- another lease. A row for each that was claimed. One that only has to wait for a slot is not sent again until there is one.
-- The status is not compared with a literal: QUEUED is the one state with neither a token nor an end, RUNNING the one
-- with a lease_expires_at (docs/decisions/0007).
create function claim_runs_by_id(
  -- Of each: the tenant it has to belong to, or null.
  scopes uuid[], ids uuid[], worker text, seconds integer)
returns table (run pipeline_runs, version_status text, dag_spec jsonb, bounded boolean)
language plpgsql volatile rows 1 as $$
declare
  wanted record;
  waiting record;
begin
  perform see_worker(worker, null, null);
  -- In one order, and before any run is locked: so that two calls never wait for each other.
  perform pg_advisory_xact_lock(tenant_lock_key(bounded_tenant.id))
  from (
    select t.id
    from tenants t
    where t.id = any (array(select r.tenant_id from pipeline_runs r where r.id = any (ids)))
      and (t.paused or t.max_running is not null
        or exists (select from pipelines p where p.tenant_id = t.id and (p.paused or p.max_running is not null)))
    order by t.id
  ) bounded_tenant;

  for wanted in select distinct w.id, w.scope from unnest(ids, scopes) w (id, scope) order by w.id, w.scope loop
    select q.id, q.tenant_id, q.pipeline_id, q.lease_token is not null as taken_over into waiting
    from pipeline_runs q
    where q.id = wanted.id
      and (wanted.scope is null or q.tenant_id = wanted.scope)
      and ((q.lease_token is null and q.finished_at is null and q.available_at <= now()
            and is_claimable(q.start_by, q.started_at, q.dispatch, false, q.tenant_id, null))
        or (q.lease_expires_at <= now() and q.lost < q.max_lost))
    for no key update;
    continue when not found;
    if not has_slot(waiting.tenant_id, waiting.pipeline_id)
       or not (waiting.taken_over or (
         select q.concurrency_key is null or concurrency_key_is_free(q.tenant_id, q.concurrency_key)
         from pipeline_runs q where q.id = waiting.id)) then
      -- If it was only somebody who counted or looked at this moment, it stays as it is, and SQS is told again.
      update pipeline_runs q set redispatch_at = null, dispatch_due_at = null, updated_at = now()
      where q.id = waiting.id and q.lease_token is null and (q.redispatch_at is not null or q.dispatch_due_at is not null)
        and obstacle(q.tenant_id, q.pipeline_id, q.concurrency_key) is not null;
      continue;
    end if;
    return query select * from lease_runs(array[waiting.id], waiting.taken_over, worker, seconds, null, false);
  end loop;
end $$;

-- Why a run that is due may not be claimed at this moment, in the words of waiting_for; null: it may.
create function obstacle(tenant uuid, pipeline uuid, key text) returns text language plpgsql stable as $$
declare
  bounds record;
  room record;
begin
  select t.paused as tenant_paused, p.paused as pipeline_paused, t.max_running is not null or p.max_running is not null as counts
  into bounds
  from tenants t join pipelines p on p.tenant_id = t.id
  where t.id = tenant and p.id = pipeline;
  if bounds.tenant_paused then return 'tenant_paused'; end if;
  if bounds.pipeline_paused then return 'pipeline_paused'; end if;
  if bounds.counts then
    select * into room from count_slots(tenant);
    if room.slots <= 0 then return 'tenant_limit'; end if;
    if pipeline = any (room.blocked) then return 'pipeline_limit'; end if;
  end if;
  if key is not null and exists (
    select from pipeline_runs r where r.tenant_id = tenant and r.concurrency_key = key and r.status = 'RUNNING') then
    return 'concurrency_key';
  end if;
  return null;
end $$;
