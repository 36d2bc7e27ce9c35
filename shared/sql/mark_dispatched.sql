-- Clears the dispatch that SQS has acknowledged, unless another one has become due meanwhile.
--
-- $1 tenant   $2 run   $3 dispatch_due_at as it was when the message was made
update pipeline_runs
set dispatch_due_at = null, updated_at = now()
where id = $2
  and tenant_id = $1
  and dispatch_due_at = $3
