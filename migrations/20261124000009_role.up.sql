-- What the functions may do in the database (docs/decisions/0025): a role that owns nothing, so that it can neither change a table nor take off what
-- guards one. They connect as a role that is in it: create role <name> login password '…' in role runplane_functions.

do $$
begin
  -- Postgres asks for the right to make roles before it looks whether there is one.
  if exists (select from pg_roles where rolname = 'runplane_functions') then
    return;
  end if;
  create role runplane_functions nologin;
  comment on role runplane_functions is 'What the functions of Runplane may do: rows, and nothing else.';
exception
  -- Roles are the cluster's, and another of its databases is migrated at this moment.
  when duplicate_object or unique_violation then null;
  when insufficient_privilege then
    raise exception 'role runplane_functions is missing, and % may not create roles', current_user
      using hint = 'Let somebody who may run: create role runplane_functions nologin';
end $$;

grant usage on schema public to runplane_functions;

-- What is added and looked at, and changed where it has to be.
grant select, insert, update, delete on
  tenants, pipelines, pipeline_versions, connections, pipeline_runs, run_list, run_steps, workers, api_keys
to runplane_functions;
grant select, insert, update on api_key_budgets, tenant_deletions to runplane_functions;
grant select, insert, delete on
  pipeline_version_transitions, run_attempts, run_logs, run_artifacts, run_secrets
to runplane_functions;
-- What was done stays done.
grant select, insert on audit_log to runplane_functions;
