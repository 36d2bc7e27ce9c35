drop trigger limit_schedules on schedules;
drop function limit_schedules();
drop trigger limit_webhooks on listeners;
drop function limit_webhooks();
