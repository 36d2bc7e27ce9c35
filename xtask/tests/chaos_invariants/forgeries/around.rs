//! Of steps, tenants and the state machine.

use super::Forgery;

pub const ALL: &[Forgery] = &[
    (
        "who claims next begins a step again",
        "insert into chaos.ledger (at, kind, tenant_id, run_id, lease_token, step_id)
         select clock_timestamp(), 'step_began', tenant_id, run_id, token('swept', 2), 'load'
         from chaos.run_changes where run_id = run('swept') limit 1",
        "steps_once",
        "step load began at",
    ),
    (
        "somebody begins a step again that every lease knows to be over",
        "insert into chaos.ledger (at, kind, tenant_id, run_id, step_id)
         select clock_timestamp(), 'step_began', tenant_id, run_id, 'load' from chaos.run_changes where run_id = run('plain') limit 1",
        "steps_once",
        "though it had SUCCEEDED",
    ),
    (
        "a step that a retry has kept begins again",
        "select create_run('x', 'retried');
         insert into run_steps (run_id, step_id, tenant_id, run_attempt, status, finished_at)
         select id, 'load', tenant_id, 0, 'SUCCEEDED', now() from pipeline_runs where id = run('x');
         select claim('x');
         insert into chaos.ledger (at, kind, tenant_id, run_id, lease_token, step_id)
         select clock_timestamp(), 'step_began', tenant_id, id, lease_token, 'load' from pipeline_runs where id = run('x')",
        "steps_once",
        "though it had SUCCEEDED",
    ),
    (
        "a step begins that nobody has claimed",
        "update chaos.ledger set at = '2000-01-01' where kind = 'step_began' and run_id = run('plain')",
        "steps_once",
        "under no lease",
    ),
    (
        "a step that SUCCEEDED gets another output",
        "update run_steps set output = '2' where run_id = run('plain')",
        "steps_once",
        "was changed to SUCCEEDED",
    ),
    (
        "a step that SUCCEEDED fails",
        "update run_steps set status = 'FAILED', output = null, error = 'x', error_message = 'x' where run_id = run('plain')",
        "steps_once",
        "was changed to FAILED",
    ),
    (
        "an older attempt writes over a newer one",
        "update run_steps set run_attempt = 1 where run_id = run('retried')",
        "steps_once",
        "was written over by attempt 1",
    ),
    (
        "a step that SUCCEEDED is deleted",
        "delete from run_steps where run_id = run('plain')",
        "steps_once",
        "was deleted",
    ),
    (
        "a tenant is told of another's run",
        "update chaos.ledger set run_tenant_id = '00000000-0000-7000-8000-00000000000b'
         where kind = 'seen' and run_id = run('plain')",
        "tenants_apart",
        "was told of a run of tenant",
    ),
    (
        "a tenant claims another's run",
        "update chaos.ledger set tenant_id = '00000000-0000-7000-8000-00000000000b',
           run_tenant_id = '00000000-0000-7000-8000-00000000000b'
         where kind = 'claimed' and run_id = run('plain')",
        "tenants_apart",
        "was told: claimed; the run is of tenant",
    ),
    (
        "a step is stored for another tenant",
        "update run_steps set tenant_id = '00000000-0000-7000-8000-00000000000b' where run_id = run('plain')",
        "tenants_apart",
        "step load is of tenant",
    ),
    (
        "an attempt is kept for another tenant",
        "update run_attempts set tenant_id = '00000000-0000-7000-8000-00000000000b' where run_id = run('swept')",
        "tenants_apart",
        "claim 1 is of tenant",
    ),
    (
        "a run goes over to another tenant",
        "update pipeline_runs r set tenant_id = v.tenant_id, pipeline_id = v.pipeline_id, pipeline_version_id = v.id
         from pipeline_versions v
         where r.id = run('plain') and v.tenant_id = '00000000-0000-7000-8000-00000000000b'",
        "tenants_apart",
        "was of tenant",
    ),
    (
        "a run that has ended waits again",
        "update pipeline_runs set status = 'QUEUED', finished_at = null, lease_token = null, claimed_by = null, claimed_at = null,
           lease_seconds = null, heartbeat_at = null
         where id = run('plain')",
        "legal_transitions",
        "SUCCEEDED → QUEUED",
    ),
    (
        "a run is completed that nobody has claimed",
        "select create_run('x', 'plain'), complete('x')",
        "legal_transitions",
        "QUEUED → SUCCEEDED",
    ),
    (
        "a heartbeat counts as a claim",
        "select create_run('x', 'plain'), claim('x'); update pipeline_runs set claim_count = 2 where id = run('x')",
        "legal_transitions",
        "RUNNING → RUNNING: attempts 0, lost 0, claims 1, the same token",
    ),
    (
        "a run is deleted",
        "delete from pipeline_runs where id = run('plain')",
        "legal_transitions",
        "was deleted while it was SUCCEEDED",
    ),
    (
        "somebody writes while the witness is away",
        "alter table pipeline_runs disable trigger user;
         update pipeline_runs set status = 'FAILED' where id = run('plain');
         alter table pipeline_runs enable trigger user",
        "legal_transitions",
        "is FAILED, and was last seen as SUCCEEDED",
    ),
    (
        "a change is missing in the history",
        "delete from chaos.run_changes where run_id = run('plain') and old_status = 'QUEUED'",
        "legal_transitions",
        "somebody wrote unseen",
    ),
    (
        "a run is gone, and nobody has seen it go",
        "alter table pipeline_runs disable trigger user; delete from pipeline_runs where id = run('plain')",
        "legal_transitions",
        "is not in the table any more",
    ),
];
