-- A fact: a run, with all of its lost leases in the history.
with seen as (
  select c.run_id, max(c.new_lost) as highest, max(c.max_lost) as allowed
  from chaos.run_changes c
  group by 1
),
lease as (
  select l.run_id, count(*) filter (where l.ended in ('lost', 'taken over') and l.end_status in ('QUEUED', 'RUNNING')) as lost,
    bool_or(l.ended = 'lost' and l.end_status = 'FAILED') as given_up
  from chaos.leases l
  group by 1
)
select r.id,
  case when s.run_id is null then 'the history does not have it'
       when greatest(s.highest, r.lost) > r.max_lost then format('lost %s leases of at most %s', greatest(s.highest, r.lost), r.max_lost)
       when s.allowed <> r.max_lost then format('max_lost was %s and is %s', s.allowed, r.max_lost)
       when r.lost <> coalesce(l.lost, 0) then format('says that it lost %s leases, and lost %s', r.lost, coalesce(l.lost, 0))
       when l.given_up and r.lost < r.max_lost then format('was given up after %s lost leases of %s', r.lost, r.max_lost) end
from pipeline_runs r
left join seen s on s.run_id = r.id
left join lease l on l.run_id = r.id
