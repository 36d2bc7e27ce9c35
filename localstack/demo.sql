-- Demo data of `cargo xtask up`: safe to load again and again.

insert into tenants (id, name) values
  ('580115b4-a291-4917-8dbd-247cfa13e2d6', 'Demo'),
  ('0199e0c0-0000-7000-8000-000000000002', 'Second tenant')
on conflict (id) do nothing;

insert into pipelines (id, tenant_id, name, description) values
  ('0199e0c0-0000-7000-8000-000000000011', '580115b4-a291-4917-8dbd-247cfa13e2d6', 'hello', 'Succeeds at once'),
  ('0199e0c0-0000-7000-8000-000000000012', '0199e0c0-0000-7000-8000-000000000002', 'hello', 'The second tenant''s own')
on conflict (id) do nothing;

insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at, approved_by) values
  ('b31dbeba-3a2e-4fa9-a084-72c75f9f18a3', '580115b4-a291-4917-8dbd-247cfa13e2d6',
   '0199e0c0-0000-7000-8000-000000000011', '1', 'APPROVED', '{"steps":[]}', now(), 'demo'),
  ('0199e0c0-0000-7000-8000-000000000021', '580115b4-a291-4917-8dbd-247cfa13e2d6',
   '0199e0c0-0000-7000-8000-000000000011', '2', 'APPROVED', '{"steps":["extract","transform","load"]}', now(), 'demo'),
  ('0199e0c0-0000-7000-8000-000000000022', '580115b4-a291-4917-8dbd-247cfa13e2d6',
   '0199e0c0-0000-7000-8000-000000000011', '3', 'DRAFT', '{"steps":["extract"]}', null, null),
  ('0199e0c0-0000-7000-8000-000000000023', '0199e0c0-0000-7000-8000-000000000002',
   '0199e0c0-0000-7000-8000-000000000012', '1', 'APPROVED', '{}', now(), 'demo')
on conflict (id) do nothing;
