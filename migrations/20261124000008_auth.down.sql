-- As 20261124000002 has it: what was approved is deleted in no way.
set local lock_timeout = '10s';
drop trigger keep_transitions_from_deletion on pipeline_version_transitions;
drop trigger keep_transitions on pipeline_version_transitions;
create trigger keep_transitions before update or delete on pipeline_version_transitions
  for each row execute function keep_transitions();
drop trigger keep_approved_versions_from_deletion on pipeline_versions;
drop trigger keep_approved_versions on pipeline_versions;
create trigger keep_approved_versions before update or delete on pipeline_versions
  for each row execute function keep_approved_versions();
drop index workers_of_tenant;
drop table tenant_deletions;
drop table audit_log;
drop function audit_log_stays;
drop table api_key_budgets;
drop table api_keys;
