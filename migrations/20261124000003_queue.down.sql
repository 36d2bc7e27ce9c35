drop index pipeline_runs_concurrency_key;
alter table pipeline_runs drop column concurrency_key;
