-- The catalogue: connections, drafts that are edited, approvals that stay what they were.

-- Whoever waits for a table keeps everybody out who comes after: rather give up, and be run again when it is quiet.
set local lock_timeout = '10s';
-- Taken before anything is read: no version may come in between the rows being filled in and the constraints that they have to satisfy,
-- and a lock that is made stronger only then could be waited for by two, each for the other.
lock table pipeline_versions in access exclusive mode;

-- What the steps of a tenant's pipelines may reach. Never a secret: secret_ref is the name of one.
create table connections (
  id          uuid primary key,
  tenant_id   uuid not null references tenants (id),
  -- What a step calls it by.
  name        text not null check (name <> '' and length(name) <= 100),
  kind        text not null check (kind in ('http', 'sql', 'lambda', 'sqs')),
  config      jsonb not null check (jsonb_typeof(config) = 'object'),
  secret_ref  text check (secret_ref <> '' and length(secret_ref) <= 256),
  created_at  timestamptz not null default now(),
  unique (tenant_id, name)
);

-- Versions that were put here in SQL: whoever wrote APPROVED approved it, when nobody knows better with the row itself. Their
-- digest stays null. A draft has no approval yet.
update pipeline_versions set approved_at = created_at where status <> 'DRAFT' and approved_at is null;
update pipeline_versions set approved_at = null, approved_by = null, dag_sha256 = null
  where status = 'DRAFT' and (approved_at is not null or approved_by is not null or dag_sha256 is not null);

alter table pipeline_versions
  -- Of a draft: rises with every edit, so that nobody approves, or writes over, what somebody else has changed meanwhile.
  add column revision    integer not null default 1 check (revision >= 1),
  add column updated_at  timestamptz not null default now(),
  -- What the transitions refer to: an id with the tenant that it belongs to.
  add constraint pipeline_versions_of_tenant unique (tenant_id, id),
  add constraint draft_iff_not_approved check ((status = 'DRAFT') = (approved_at is null)),
  add constraint approved_by_with_approval check (approved_by is null or approved_at is not null),
  add constraint digest_with_approval check (dag_sha256 is null or approved_at is not null);

update pipeline_versions set updated_at = coalesce(approved_at, created_at);

-- What became of a version: who moved it where, when, and why.
create table pipeline_version_transitions (
  -- Rises in the order in which the transitions of a version took place; `made_at` is when their statements began.
  id                   bigint generated always as identity primary key,
  pipeline_version_id  uuid not null,
  tenant_id            uuid not null,
  from_status          text not null,
  to_status            text not null,
  made_at              timestamptz not null default now(),
  made_by              text,
  comment              text,
  foreign key (tenant_id, pipeline_version_id) references pipeline_versions (tenant_id, id),
  constraint possible_transition check (
    (from_status, to_status) in (('DRAFT', 'APPROVED'), ('APPROVED', 'DEPRECATED'), ('DEPRECATED', 'APPROVED')))
);

-- A version's transitions, in order.
create index pipeline_version_transitions_version on pipeline_version_transitions (pipeline_version_id, id);

-- The lists, newest first: without a tenant, and with one. The versions of one pipeline are few enough to be sorted, but many
-- versions of a tenant's other pipelines may lie between them.
create index tenants_list on tenants (created_at desc, id desc);
create index pipelines_list on pipelines (created_at desc, id desc);
create index pipelines_list_tenant on pipelines (tenant_id, created_at desc, id desc);
create index pipeline_versions_list on pipeline_versions (created_at desc, id desc);
create index pipeline_versions_list_tenant on pipeline_versions (tenant_id, created_at desc, id desc);
create index pipeline_versions_list_pipeline on pipeline_versions (tenant_id, pipeline_id, created_at desc, id desc);
create index connections_list on connections (created_at desc, id desc);
create index connections_list_tenant on connections (tenant_id, created_at desc, id desc);

-- A version that was approved is what its runs ran: nobody changes or deletes it, whichever way they come. The API never
-- tries; this is for everybody else who has the table before them.
create function keep_approved_versions() returns trigger language plpgsql
-- Of whoever writes, nothing decides what the names here mean.
set search_path = pg_catalog, pg_temp as $$
declare
  this text := format('pipeline version %s (%s)', old.id, old.version);
  changed text;
begin
  if tg_op = 'DELETE' then
    if old.status <> 'DRAFT' then
      raise exception '% is %: it cannot be deleted', this, old.status
        using errcode = 'restrict_violation', hint = 'Runs refer to what they ran. Make it DEPRECATED instead.';
    end if;
    return old;
  end if;

  if new.status <> old.status
     and (old.status, new.status) not in (('DRAFT', 'APPROVED'), ('APPROVED', 'DEPRECATED'), ('DEPRECATED', 'APPROVED')) then
    raise exception '% is %: it cannot become %', this, old.status, new.status
      using errcode = 'restrict_violation', hint = 'DRAFT -> APPROVED -> DEPRECATED -> APPROVED, and nothing else.';
  end if;

  -- A change of status by hand is one to whoever looks at updated_at, as approvals and imports do. An import says that it leaves it alone.
  if new.status <> old.status and new.updated_at = old.updated_at
     and coalesce(current_setting('runplane.keeps_updated_at', true), '') <> 'on' then
    new.updated_at := now();
  end if;

  if old.status = 'DRAFT' then
    -- An edit by hand counts as one: an approval that has read the text before finds another revision.
    if new.revision < old.revision then
      raise exception '%: its revision cannot fall from % to %', this, old.revision, new.revision
        using errcode = 'restrict_violation', hint = 'Leave revision alone: an edit raises it.';
    end if;
    if new.revision = old.revision
       and (new.dag_spec::text, new.version, new.pipeline_id) is distinct from (old.dag_spec::text, old.version, old.pipeline_id) then
      new.revision := old.revision + 1;
      new.updated_at := now();
    end if;
    return new;
  end if;

  changed := case
    when new.id <> old.id then 'id'
    when new.tenant_id <> old.tenant_id then 'tenant_id'
    when new.pipeline_id <> old.pipeline_id then 'pipeline_id'
    when new.version <> old.version then 'version'
    -- As text: as jsonb, 1 and 1.0 are equal.
    when new.dag_spec::text <> old.dag_spec::text then 'dag_spec'
    when new.dag_sha256 is distinct from old.dag_sha256 then 'dag_sha256'
    when new.revision <> old.revision then 'revision'
    when new.created_at <> old.created_at then 'created_at'
    -- Approving it once more is the one way to another name and time.
    when not (old.status = 'DEPRECATED' and new.status = 'APPROVED') and new.approved_at is distinct from old.approved_at then 'approved_at'
    when not (old.status = 'DEPRECATED' and new.status = 'APPROVED') and new.approved_by is distinct from old.approved_by then 'approved_by'
  end;
  if changed is not null then
    raise exception '% is %: its % cannot be changed', this, old.status, changed
      using errcode = 'restrict_violation', hint = 'Create another version with what has to be different.';
  end if;
  return new;
end $$;

create trigger keep_approved_versions before update or delete on pipeline_versions
  for each row execute function keep_approved_versions();

-- What happened has happened.
create function keep_transitions() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'transition % of pipeline version %: it cannot be changed or deleted', old.id, old.pipeline_version_id
    using errcode = 'restrict_violation';
end $$;

create trigger keep_transitions before update or delete on pipeline_version_transitions
  for each row execute function keep_transitions();

-- No row is asked then.
create function keep_from_truncate() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp as $$
begin
  raise exception '% keeps what was approved: it cannot be truncated', tg_table_name
    using errcode = 'restrict_violation';
end $$;

create trigger keep_from_truncate before truncate on pipeline_versions
  for each statement execute function keep_from_truncate();
create trigger keep_from_truncate before truncate on pipeline_version_transitions
  for each statement execute function keep_from_truncate();
