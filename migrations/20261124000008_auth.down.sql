drop table audit_log;
drop function audit_log_stays;
drop table api_keys;
