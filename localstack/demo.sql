-- Demo data of `cargo xtask up`: safe to load again and again.

insert into tenants (id, name) values
  ('580115b4-a291-4917-8dbd-247cfa13e2d6', 'Demo'),
  ('0199e0c0-0000-7000-8000-000000000002', 'Second tenant')
on conflict (id) do nothing;

insert into pipelines (id, tenant_id, name, description) values
  ('0199e0c0-0000-7000-8000-000000000011', '580115b4-a291-4917-8dbd-247cfa13e2d6', 'hello', 'Succeeds at once'),
  ('0199e0c0-0000-7000-8000-000000000012', '0199e0c0-0000-7000-8000-000000000002', 'hello', 'The second tenant''s own')
on conflict (id) do nothing;

insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, dag_sha256, approved_at, approved_by) values
  ('b31dbeba-3a2e-4fa9-a084-72c75f9f18a3', '580115b4-a291-4917-8dbd-247cfa13e2d6',
   '0199e0c0-0000-7000-8000-000000000011', '1', 'APPROVED', '{"steps":[]}', sha256('{"steps":[]}'), now(), 'demo'),
  ('0199e0c0-0000-7000-8000-000000000021', '580115b4-a291-4917-8dbd-247cfa13e2d6',
   '0199e0c0-0000-7000-8000-000000000011', '2', 'APPROVED', '{"steps":["extract","transform","load"]}',
   sha256('{"steps":["extract","transform","load"]}'), now(), 'demo'),
  ('0199e0c0-0000-7000-8000-000000000022', '580115b4-a291-4917-8dbd-247cfa13e2d6',
   '0199e0c0-0000-7000-8000-000000000011', '3', 'DRAFT', '{"steps":["extract"]}', null, null, null),
  ('0199e0c0-0000-7000-8000-000000000023', '0199e0c0-0000-7000-8000-000000000002',
   '0199e0c0-0000-7000-8000-000000000012', '1', 'APPROVED', '{}', sha256('{}'), now(), 'demo')
on conflict (id) do nothing;

insert into pipeline_version_transitions (pipeline_version_id, tenant_id, from_status, to_status, made_by)
select v.id, v.tenant_id, 'DRAFT', 'APPROVED', v.approved_by
from pipeline_versions v
where v.approved_by = 'demo'
  and not exists (select from pipeline_version_transitions t where t.pipeline_version_id = v.id);

insert into connections (id, tenant_id, name, kind, config, secret_ref) values
  ('0199e0c0-0000-7000-8000-000000000031', '580115b4-a291-4917-8dbd-247cfa13e2d6', 'example', 'http',
   '{"base_url":"https://example.com","auth":{"type":"bearer"}}', 'EXAMPLE_TOKEN')
on conflict (id) do nothing;

-- Paused: `up` is not to fill the lists by itself.
insert into schedules (id, tenant_id, name, pipeline_id, cron, time_zone, missed_runs, paused, queue) values
  ('0199e0c0-0000-7000-8000-000000000041', '580115b4-a291-4917-8dbd-247cfa13e2d6', 'hello every morning',
   '0199e0c0-0000-7000-8000-000000000011', '0 7 * * *', 'Europe/Berlin', 'latest', true, 'default')
on conflict (id) do nothing;

-- Three runs of the second tenant, for the events in events/: one that waits, for the worker's message; one that worker-1
-- holds, for a heartbeat, a completion or a look at it; and one that failed, for a retry. Loading the demo data again puts
-- them back.
insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch) values
  ('0199e0c0-0000-7000-8000-0000000000aa', '0199e0c0-0000-7000-8000-0000000000aa',
   '0199e0c0-0000-7000-8000-000000000002', '0199e0c0-0000-7000-8000-000000000012',
   '0199e0c0-0000-7000-8000-000000000023', 'pull'),
  ('0199e0c0-0000-7000-8000-0000000000bb', '0199e0c0-0000-7000-8000-0000000000bb',
   '0199e0c0-0000-7000-8000-000000000002', '0199e0c0-0000-7000-8000-000000000012',
   '0199e0c0-0000-7000-8000-000000000023', 'pull'),
  ('0199e0c0-0000-7000-8000-0000000000cc', '0199e0c0-0000-7000-8000-0000000000cc',
   '0199e0c0-0000-7000-8000-000000000002', '0199e0c0-0000-7000-8000-000000000012',
   '0199e0c0-0000-7000-8000-000000000023', 'pull')
on conflict (id) do update set
  status = 'QUEUED', attempt = 1, lost = 0, available_at = now(), claim_count = 0, claim_id = null, claimed_by = null, claimed_at = null, lease_token = null,
  lease_seconds = null, lease_expires_at = null, heartbeat_at = null, started_at = null, finished_at = null,
  output = null, error_code = null, error_message = null;

update pipeline_runs
set status = 'RUNNING', claim_count = 1, claimed_by = 'worker-1', claimed_at = now(), started_at = now(),
    lease_token = '0199e0c0-0000-4000-8000-0000000000bb', lease_seconds = 43200,
    lease_expires_at = now() + interval '12 hours'
where id = '0199e0c0-0000-7000-8000-0000000000bb';

update pipeline_runs
set status = 'FAILED', claim_count = 1, claimed_by = 'worker-1', claimed_at = now(), started_at = now(), finished_at = now(),
    lease_token = '0199e0c0-0000-4000-8000-0000000000cc', lease_seconds = 300,
    error_code = 'out_of_disk', error_message = 'no space left on device'
where id = '0199e0c0-0000-7000-8000-0000000000cc';

delete from run_attempts where run_id in (
  '0199e0c0-0000-7000-8000-0000000000aa', '0199e0c0-0000-7000-8000-0000000000bb', '0199e0c0-0000-7000-8000-0000000000cc');
