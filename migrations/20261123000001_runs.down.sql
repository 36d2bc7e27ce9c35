drop table run_attempts;
drop table pipeline_runs;
drop table pipeline_versions;
drop table pipelines;
drop table tenants;
