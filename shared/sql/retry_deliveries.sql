-- Makes deliveries of a webhook due again that were given up, the oldest first, for another three days.
--
-- $1 webhook   $2 at most
update deliveries d
set given_up = false, due_at = now(), until = now() + interval '3 days', attempts = 0
where d.id = any (array(
  select g.id from deliveries g
  where g.listener_id = $1 and g.given_up
  order by g.until
  limit $2
  for no key update skip locked))
