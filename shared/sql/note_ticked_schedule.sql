-- Notes what became of the times of a schedule that were due. The caller has locked it.
--
-- $1 schedule   $2 when it is due next, or null: never   $3 the last time that has got a run, or null: none has   $4 that run
-- $5 why the last one has none, or null: as it was, or none if it has   $6 whether any time was tried
update schedules s
set next_due_at = $2,
    last_due_at = coalesce($3, s.last_due_at),
    last_run_id = coalesce($4, s.last_run_id),
    last_error = case when $6 then $5 else s.last_error end,
    last_error_at = case when not $6 then s.last_error_at when $5::text is not null then now() end
where s.id = $1
