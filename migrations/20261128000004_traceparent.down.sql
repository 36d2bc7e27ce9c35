drop trigger check_traceparent on pipeline_runs;
drop function refuse_traceparent();
alter table pipeline_runs drop column traceparent;
