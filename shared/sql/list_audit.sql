-- One page of the audit log, newest first.
--
-- $1 tenant, or null: any, and entries of no tenant   $2 action, or null: any   $3 not before, or null   $4 before, or null
-- $5, $6 at and id of the last entry of the page before, or null   $7 rows
select a.id, a.at, a.tenant_id, a.principal, a.request_id, a.action, a.subject_id, a.details
from audit_log a
where ($1::uuid is null or a.tenant_id = $1)
  and ($2::text is null or a.action = $2)
  and ($3::timestamptz is null or a.at >= $3)
  and ($4::timestamptz is null or a.at < $4)
  and ($5::timestamptz is null or (a.at, a.id) < ($5, $6::uuid))
order by a.at desc, a.id desc
limit $7
