drop table run_artifacts;
drop table run_logs;
drop table run_steps;
