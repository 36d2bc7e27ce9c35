drop table pipeline_version_transitions;
drop function keep_transitions;
drop trigger keep_approved_versions on pipeline_versions;
drop function keep_approved_versions;
drop trigger keep_from_truncate on pipeline_versions;
drop function keep_from_truncate;
drop index tenants_list, pipelines_list, pipelines_list_tenant, pipeline_versions_list, pipeline_versions_list_tenant,
  pipeline_versions_list_pipeline;
alter table pipeline_versions
  drop constraint digest_with_approval,
  drop constraint approved_by_with_approval,
  drop constraint draft_iff_not_approved,
  drop constraint pipeline_versions_of_tenant,
  drop column updated_at,
  drop column revision;
drop table connections;
