-- Many runs that have ended, for the figure in docs/benchmarks.md: psql -v runs=200000, after original.sql and world.sql.
insert into pipeline_runs (id, tenant_id, pipeline_version_id, status, trigger_type, parameters, retry_of_run_id, created_at,
  started_at, claimed_at, claimed_by, heartbeat_at, finished_at, error_message, updated_at)
select
  md5('run ' || n)::uuid::text, '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000102',
  case when n % 10 = 0 then 'FAILED' else 'SUCCEEDED' end, 'schedule',
  json_build_object('day', n, 'files', array[md5(n::text), md5((n + 1)::text)], 'note', repeat('x', n % 300)),
  -- Every twentieth retries the run before it, whose root nobody wrote down.
  case when n % 20 = 1 then md5('run ' || n - 1)::uuid::text end,
  '2024-03-01'::timestamptz + n * interval '1 minute', '2024-03-01'::timestamptz + n * interval '1 minute',
  '2024-03-01'::timestamptz + n * interval '1 minute', 'worker-' || n % 7, null,
  '2024-03-01'::timestamptz + n * interval '1 minute' + interval '30 s',
  case when n % 10 = 0 then 'step2: disk full' end, '2024-03-01'::timestamptz + n * interval '1 minute' + interval '30 s'
from generate_series(1, :runs) n;
