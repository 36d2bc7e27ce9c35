set local lock_timeout = '10s';

drop trigger note_changed_run on pipeline_runs;
drop trigger note_new_run on pipeline_runs;
drop function note_event();
drop function event_data(pipeline_runs, text);
drop table deliveries, listener_health, listeners;
