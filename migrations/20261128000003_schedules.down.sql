alter table pipeline_runs
  drop column schedule_id,
  drop column scheduled_for;
drop table schedules;
