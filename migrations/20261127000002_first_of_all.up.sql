-- A claim of one run that names several queues, or comes while a pipeline of the tenant is paused or full, took the first run that it may have of the lane
-- that began first, although another lane had one before that: runs that nobody may claim were counted where a lane begins.

-- Locks up to `wanted` runs of a tenant that may be claimed, the best first, and passes by those that somebody else has locked.
-- Nothing is searched before the marks, of which there is one for each priority from 0 to 9.
--
-- `x between y and y` beside `x = y` says nothing new, but makes Postgres take the index that begins with x, whatever it believes about
-- how many different x there are: of the queue that is asked for there may be very few among very many.
create or replace function lock_waiting(
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
  -- Lanes: a pipeline or a queue with a priority, and the run where it begins. The best one first.
  pipelines uuid[];
  queues text[];
  priorities integer[];
  times timestamptz[];
  runs uuid[];
  -- The lane of the first run of all; null: not looked for, or there is none.
  best bigint;
  candidate record;
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
  else
    if among is null then
      -- Pipeline by pipeline, as the runs of those that are blocked may be many: where each begins.
      with recursive pipeline (id) as (
          (select q.pipeline_id from pipeline_runs q
           where q.status = 'QUEUED' and q.tenant_id = tenant order by q.pipeline_id limit 1)
        union all
          select (select q.pipeline_id from pipeline_runs q
                  where q.status = 'QUEUED' and q.tenant_id = tenant and q.pipeline_id > pipeline.id
                  order by q.pipeline_id limit 1)
          from pipeline where pipeline.id is not null
      )
      select array_agg(l.pipeline_id), array_agg(l.priority), array_agg(l.available_at), array_agg(l.id)
      into pipelines, priorities, times, runs
      from (
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
        order by level.priority desc, first.available_at, first.id
      ) l;
    else
      -- Queue by queue, likewise.
      select array_agg(l.queue), array_agg(l.priority), array_agg(l.available_at), array_agg(l.id)
      into queues, priorities, times, runs
      from (
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
        order by level.priority desc, first.available_at, first.id
      ) l;
    end if;

    -- A run where a lane begins need not be one that may be claimed. Of one run, the first of all is looked for: in each lane that begins before
    -- the best one so far, and without a lock. A lane begins then where its first such run is, or nowhere.
    best := null;
    if wanted = 1 and (among is null or cardinality(among) > 1) then
      for i in 1 .. coalesce(cardinality(priorities), 0) loop
        exit when priorities[i] < priorities[best] or (times[i], runs[i]) > (times[best], runs[best]);
        if among is null then
          select q.available_at, q.id into candidate
          from pipeline_runs q
          where q.status = 'QUEUED' and q.tenant_id = tenant and q.pipeline_id = pipelines[i]
            and q.pipeline_id between pipelines[i] and pipelines[i] and q.priority = priorities[i]
            and (q.available_at, q.id) >= (times[i], runs[i])
            and q.available_at <= now()
            and (q.concurrency_key is null or busy is null or not busy ? q.concurrency_key)
            and is_claimable(q.start_by, q.started_at, q.dispatch, pushed_only, tenant, null)
          order by q.available_at, q.id
          limit 1;
        else
          select q.available_at, q.id into candidate
          from pipeline_runs q
          where q.status = 'QUEUED' and q.queue = queues[i] and q.queue between queues[i] and queues[i] and q.tenant_id = tenant
            and q.priority = priorities[i]
            and (q.available_at, q.id) >= (times[i], runs[i])
            and q.available_at <= now()
            and (blocked is null or q.pipeline_id <> all (blocked))
            and (q.concurrency_key is null or busy is null or not busy ? q.concurrency_key)
            and is_claimable(q.start_by, q.started_at, q.dispatch, pushed_only, tenant, null)
          order by q.available_at, q.id
          limit 1;
        end if;
        times[i] := coalesce(candidate.available_at, 'infinity');
        runs[i] := coalesce(candidate.id, lowest);
        if candidate.id is not null and (best is null or (times[i], runs[i]) < (times[best], runs[best])) then best := i; end if;
      end loop;
    end if;

    -- Lane by lane from there, the best one first.
    if among is null then
      select array_agg(found.id), array_agg(found.concurrency_key), array_agg(found.octets), array_agg(found.pipeline_version_id)
      into ids, keys, octets, versions
      from (
        select q.*
        from (
          select l.* from unnest(pipelines, priorities, times, runs) with ordinality l (pipeline_id, priority, available_at, id, place)
          order by l.priority desc, l.place is distinct from best, l.place
        ) lane
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
      ) found;
    else
      select array_agg(found.id), array_agg(found.concurrency_key), array_agg(found.octets), array_agg(found.pipeline_version_id)
      into ids, keys, octets, versions
      from (
        select q.*
        from (
          select l.* from unnest(queues, priorities, times, runs) with ordinality l (queue, priority, available_at, id, place)
          order by l.priority desc, l.place is distinct from best, l.place
        ) lane
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
      ) found;
    end if;
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
