alter table pipeline_runs reset (
  autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_vacuum_cost_limit, autovacuum_analyze_scale_factor);
drop trigger list_new_runs on pipeline_runs;
drop trigger list_changed_run on pipeline_runs;
drop trigger unlist_deleted_runs on pipeline_runs;
drop trigger unlist_all_runs on pipeline_runs;
drop function list_new_runs, list_changed_run, unlist_deleted_runs, unlist_all_runs;
drop table run_list;
drop index pipeline_runs_created;
create index pipeline_runs_list on pipeline_runs (created_at desc, id desc);
create index pipeline_runs_list_tenant on pipeline_runs (tenant_id, created_at desc, id desc);
create index pipeline_runs_list_pipeline on pipeline_runs (tenant_id, pipeline_id, created_at desc, id desc);
create index pipeline_runs_list_version on pipeline_runs (tenant_id, pipeline_version_id, created_at desc, id desc);
create index pipeline_runs_list_labels on pipeline_runs using gin (labels jsonb_path_ops) where labels <> '{}';
