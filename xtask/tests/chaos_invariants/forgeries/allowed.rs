//! What is right though it may look wrong.

pub const ALL: &[(&str, &str)] = &[
    (
        "an outcome whose answer was lost",
        "delete from chaos.ledger where kind in ('completed', 'released', 'cancelled', 'step_stored', 'extended', 'created')",
    ),
    (
        "a limit that is lowered ends nothing",
        "select create_run('x', 'plain'), create_run('y', 'plain'), claim('x'), claim('y');
         update tenants set max_running = 1;
         update pipeline_runs set lease_expires_at = lease_expires_at + interval '1 s' where lease_expires_at is not null;
         select complete('x'), complete('y')",
    ),
    (
        "a claim that was under way when its tenant was paused",
        "select create_run('x', 'plain');
         update tenants set paused = true;
         select claim('x'), complete('x')",
    ),
    (
        "outputs of items go into that of their step",
        "insert into run_steps (run_id, step_id, item, tenant_id, run_attempt, status, output, finished_at)
         select id, 'each', 0, tenant_id, 1, 'SUCCEEDED', '1', now() from pipeline_runs where id = run('plain');
         update run_steps set output = null where step_id = 'each'",
    ),
    (
        "the next attempt stores a step again",
        "update run_steps set run_attempt = 3, output = '3' where run_id = run('retried')",
    ),
    (
        "a step that began under a lease that nobody names",
        "update chaos.ledger set lease_token = null where kind = 'step_began'",
    ),
    (
        "a lease that is extended at its last moment, long after its tenant's limit was lowered",
        "select create_run('x', 'plain'), create_run('y', 'plain'), claim('x'), claim('y');
         update pipeline_runs set lease_expires_at = now() - interval '1 s' where id = run('x');
         -- All of that was a minute ago.
         update chaos.run_changes
         set at = at - interval '1 min', old_expires_at = old_expires_at - interval '1 min', new_expires_at = new_expires_at - interval '1 min';
         alter table pipeline_runs disable trigger user;
         update pipeline_runs set lease_expires_at = lease_expires_at - interval '1 min' where lease_expires_at is not null;
         alter table pipeline_runs enable trigger user;
         update tenants set max_running = 1;
         update chaos.limit_changes set at = at - interval '20 s' where slots = 1 and pipeline_id is null;
         update pipeline_runs set lease_expires_at = now() + interval '1 min' where id = run('x');
         select complete('x'), complete('y')",
    ),
    (
        "a heartbeat that was refused while another one came in time",
        "select create_run('x', 'plain'), claim('x');
         update pipeline_runs set lease_expires_at = now() + interval '2 s' where id = run('x');
         update pipeline_runs set lease_expires_at = now() + interval '1 min' where id = run('x');
         insert into chaos.ledger (at, kind, tenant_id, run_id, lease_token, code)
         select clock_timestamp(), 'refused', tenant_id, id, lease_token, 'lease_lost' from pipeline_runs where id = run('x');
         select complete('x')",
    ),
];
