-- Adds an entry to the audit log.
--
-- $1 entry id   $2 tenant, or null: of none   $3 who did it   $4 the request   $5 what was done   $6 to what, or null   $7 more about it
insert into audit_log (id, tenant_id, principal, request_id, action, subject_id, details)
values ($1, $2, $3, $4, $5, $6, $7)
