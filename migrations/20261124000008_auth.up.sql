-- Who may make requests, and who did what (docs/decisions/0024).

-- Whoever waits for a table keeps everybody out who comes after: rather give up, and be run again when it is quiet.
set local lock_timeout = '10s';

create table api_keys (
  -- Stands in the key: rp_<id without dashes>_<secret>.
  id             uuid primary key,
  -- null = across tenants: operators, and workers of a fleet.
  tenant_id      uuid references tenants (id),
  name           text not null check (name <> '' and length(name) <= 100),
  roles          text[] not null check (
    cardinality(roles) between 1 and 6
    and roles <@ array['viewer', 'submitter', 'worker', 'approver', 'admin', 'operator']),
  -- Of the secret there is nothing else. It has 256 random bits, so that its digest tells nothing about it.
  secret_sha256  bytea not null check (octet_length(secret_sha256) = 32),
  created_at     timestamptz not null default now(),
  -- The principal, as in audit_log.
  created_by     text not null,
  -- null = valid until it is revoked.
  expires_at     timestamptz,
  revoked_at     timestamptz,
  revoked_by     text,
  -- At most a minute behind.
  last_used_at   timestamptz,
  -- In all environments together, and ten seconds' worth of it at once; null = as many as it likes.
  requests_per_second  integer check (requests_per_second between 1 and 10000),
  constraint operators_are_across_tenants check (not ('operator' = any (roles) and tenant_id is not null)),
  constraint across_tenants_are_operators_and_workers check (tenant_id is not null or roles <@ array['operator', 'worker']),
  constraint revoked_by_somebody check ((revoked_at is null) = (revoked_by is null))
);

comment on table api_keys is 'API keys. No row has a secret, only its SHA-256.';

-- The lists, newest first.
create index api_keys_of_tenant on api_keys (tenant_id, created_at desc, id desc);
create index api_keys_list on api_keys (created_at desc, id desc);

-- What is left of the requests that keys with a limit may make: environments take parts of it (docs/decisions/0024). A row is made by the key's first
-- request.
create table api_key_budgets (
  key_id       uuid primary key references api_keys (id) on delete cascade,
  tokens       double precision not null,
  refilled_at  timestamptz not null,
  -- What was taken last.
  given        integer not null check (given >= 0)
) with (fillfactor = 50);

comment on table api_key_budgets is 'Token buckets of API keys that have a limit.';

create table audit_log (
  id          uuid primary key,
  at          timestamptz not null default now(),
  -- Whose thing it was; null = nobody's. No foreign key: what was done stays known when the tenant is gone.
  tenant_id   uuid,
  -- Who did it: 'key:<key id> <name>', 'token:<issuer>|<subject>', or 'open' where nobody is asked.
  principal   text not null,
  -- Finds the request in the logs.
  request_id  text not null,
  action      text not null check (action <> '' and length(action) <= 50),
  subject_id  uuid,
  details     jsonb not null default '{}' check (jsonb_typeof(details) = 'object')
);

comment on table audit_log is 'Who did what. Entries are added, and neither changed nor removed.';

create index audit_log_of_tenant on audit_log (tenant_id, at desc, id desc);
create index audit_log_list on audit_log (at desc, id desc);
-- A rare action in a long log.
create index audit_log_action on audit_log (action, at desc, id desc);
create index audit_log_of_tenant_action on audit_log (tenant_id, action, at desc, id desc);

-- Against mistakes. Whoever owns the table can drop the triggers; the functions connect as a role that cannot.
create function audit_log_stays() returns trigger language plpgsql as $$
begin
  raise exception 'audit_log is append-only' using errcode = 'restrict_violation';
end $$;

create trigger audit_log_stays before update or delete on audit_log for each row execute function audit_log_stays();
create trigger audit_log_is_not_emptied before truncate on audit_log for each statement execute function audit_log_stays();

-- Which tenants are being deleted, and how far that has come (shared/src/catalog/tenants/delete.rs). The row goes with the tenant.
create table tenant_deletions (
  tenant_id         uuid primary key references tenants (id) on delete cascade,
  started_at        timestamptz not null default now(),
  -- Deleted so far: runs, and rows of the other tables.
  runs              bigint not null default 0 check (runs >= 0),
  rows              bigint not null default 0 check (rows >= 0),
  -- The last place in run_list that was looked at. What lay before it is gone: its dead entries in the index are not walked over anew
  -- for every batch.
  after_created_at  timestamptz,
  after_id          uuid,
  constraint place_is_whole check ((after_created_at is null) = (after_id is null))
);

-- Workers go with their tenant, and are found by it.
create index workers_of_tenant on workers (tenant_id) where tenant_id is not null;

-- What was approved, and how that came about, is deleted with its tenant and in no other way: within a transaction that has said whose it deletes, in
-- `runplane.deletes_tenant`, and of that tenant alone. Only the verb that deletes tenants says so, and the setting ends with the transaction
-- (`set local`). Changes are refused there too. It is a guard against mistakes, as the triggers are: who may delete rows may also set it.
drop trigger keep_approved_versions on pipeline_versions;
create trigger keep_approved_versions before update on pipeline_versions
  for each row execute function keep_approved_versions();
create trigger keep_approved_versions_from_deletion before delete on pipeline_versions
  for each row when (current_setting('runplane.deletes_tenant', true) is distinct from old.tenant_id::text)
  execute function keep_approved_versions();

drop trigger keep_transitions on pipeline_version_transitions;
create trigger keep_transitions before update on pipeline_version_transitions
  for each row execute function keep_transitions();
create trigger keep_transitions_from_deletion before delete on pipeline_version_transitions
  for each row when (current_setting('runplane.deletes_tenant', true) is distinct from old.tenant_id::text)
  execute function keep_transitions();
