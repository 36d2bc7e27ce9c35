-- Deletes schedules of a tenant, which is paused, so that none of them is due.
--
-- $1 tenant   $2 schedules at most
delete from schedules s
where s.id = any (array(
  select i.id from schedules i where i.tenant_id = $1 limit $2 for update skip locked))
