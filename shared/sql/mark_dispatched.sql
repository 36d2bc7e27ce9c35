-- Clears the dispatch that SQS has acknowledged, unless another one has become due meanwhile, and says when SQS is told
-- again if nobody has claimed the run by then: 1, 2, 4 … 30 minutes after it may be claimed.
--
-- $1 tenant   $2 run   $3 dispatch_due_at as it was when the message was made
update pipeline_runs
set dispatch_due_at = null,
    dispatches = dispatches + 1,
    redispatch_at = greatest(available_at, now()) + least(interval '30 min', power(2, least(dispatches, 5)) * interval '1 min'),
    updated_at = now()
where id = $2
  and tenant_id = $1
  and dispatch_due_at = $3
