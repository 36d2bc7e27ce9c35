//! What a product that is broken would have done, or would have told, in SQL. Where one of its own guards is in the way it is taken off first.

/// Its name, the forgery, the invariant that has to find it, and what that says among other things.
type Forgery = (&'static str, &'static str, &'static str, &'static str);

pub const ALL: &[Forgery] = &[
    (
        "a run that was told of is gone",
        "delete from pipeline_runs where id = run('plain')",
        "created_once",
        "0 runs are in the table",
    ),
    (
        "a key makes a second run",
        "drop index pipeline_runs_idempotency; select create_run('plain', 'plain')",
        "created_once",
        "2 runs are in the table",
    ),
    (
        "of one key two runs were told",
        "update chaos.ledger set run_id = run('late')
         where line = (select max(line) from chaos.ledger where kind = 'created' and key = 'plain')",
        "created_once",
        "2 different runs were told",
    ),
    ("a run waits for ever", "select create_run('stuck', 'plain')", "all_terminal", "is QUEUED"),
    (
        "a lease that is alive is taken over",
        "select create_run('x', 'plain'), claim('x'), claim('x', true), complete('x')",
        "one_report_per_attempt",
        "though it was alive until",
    ),
    (
        "a lease that is alive is swept",
        "select create_run('x', 'plain'), claim('x');
         update pipeline_runs set status = 'QUEUED', lost = 1, lease_token = null, lease_expires_at = null, claimed_by = null,
           claimed_at = null, claim_id = null, lease_seconds = null
         where id = run('x')",
        "one_report_per_attempt",
        "though it was alive until",
    ),
    (
        "a run ends twice in the same way",
        "select complete('plain')",
        "one_report_per_attempt",
        "the run ended 2 times",
    ),
    (
        "both workers of one attempt are told that their report stands",
        "insert into chaos.ledger (at, kind, tenant_id, run_id, lease_token, outcome)
         select clock_timestamp(), 'completed', l.tenant_id, l.run_id, token('swept', 1), 'SUCCEEDED'
         from chaos.ledger l where l.kind = 'completed' and l.run_id = run('swept')",
        "one_report_per_attempt",
        "2 tokens",
    ),
    (
        "a token is given twice",
        "select create_run('x', 'plain'), claim('x');
         update pipeline_runs set lease_token = token('plain', 1) where id = run('x')",
        "one_report_per_attempt",
        "was given 2 times",
    ),
    (
        "a worker that lost its lease is told that its report stands",
        "update chaos.ledger set lease_token = token('swept', 1) where kind = 'completed' and run_id = run('swept')",
        "no_old_token",
        "its lease was lost",
    ),
    (
        "a report under a token of nobody is accepted",
        "update chaos.ledger set lease_token = gen_random_uuid() where kind = 'completed' and run_id = run('plain')",
        "no_old_token",
        "never was this run's",
    ),
    (
        "a report is told to stand before it does",
        "update chaos.ledger set at = '2000-01-01' where kind = 'completed' and run_id = run('plain')",
        "no_old_token",
        "which came only at",
    ),
    (
        "an attempt more than there may be",
        "alter table pipeline_runs drop constraint attempt_within_max;
         update pipeline_runs set attempt = attempt + 1 where id = run('retried')",
        "attempts_bounded",
        "attempt 3 of at most 2",
    ),
    (
        "an attempt is counted that did not fail",
        "select create_run('x', 'retried'); update pipeline_runs set attempt = 2 where id = run('x')",
        "attempts_bounded",
        "is at attempt 2 after 0 failed ones",
    ),
    (
        "a lease more is lost than may be",
        "update pipeline_runs set lost = max_lost + 1 where id = run('swept')",
        "lost_bounded",
        "lost 4 leases of at most 3",
    ),
    (
        "a lost lease is not counted",
        "update pipeline_runs set lost = 0 where id = run('taken')",
        "lost_bounded",
        "says that it lost 0 leases, and lost 1",
    ),
    (
        "a run is given up too early",
        "select create_run('x', 'plain'), claim('x');
         update pipeline_runs set status = 'FAILED', lease_token = null, lease_expires_at = null, finished_at = now()
         where id = run('x')",
        "lost_bounded",
        "given up after 0 lost leases of 3",
    ),
    (
        "a tenant has three leases of two",
        "select create_run('x', 'plain'), create_run('y', 'plain'), create_run('z', 'plain'), claim('x'), claim('y'), claim('z')",
        "limits",
        "3 leases alive under the limit of 00000000-0000-7000-8000-00000000000a, which is 2",
    ),
    (
        "a pipeline has two leases of one",
        "select create_run('x', 'narrow_1'), create_run('y', 'narrow_1'), claim('x'), claim('y')",
        "limits",
        "2 leases alive under the limit of 00000000-0000-7000-8000-0000000000a2, which is 1",
    ),
    (
        "a lease that has expired, whose slot was given away, comes to life again",
        "select create_run('x', 'narrow_1'), create_run('y', 'narrow_1'), claim('x');
         update pipeline_runs set lease_expires_at = now() - interval '1 s' where id = run('x');
         select claim('y');
         update pipeline_runs set lease_expires_at = now() + interval '1 min' where id = run('x')",
        "limits",
        "extension at",
    ),
    (
        "a paused tenant is given a lease",
        "update tenants set paused = true;
         update chaos.limit_changes set at = at - interval '20 s' where seq > 0;
         select create_run('x', 'plain'), claim('x')",
        "limits",
        "which is 0",
    ),
    (
        "two runs of one key are RUNNING, one under a lease that has expired",
        "drop index pipeline_runs_concurrency_key;
         select create_run('x', 'single_1'), create_run('y', 'single_1'), claim('x');
         update pipeline_runs set lease_expires_at = now() - interval '1 s' where id = run('x');
         select claim('y')",
        "singletons",
        "2 runs with the key k were RUNNING at once",
    ),
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
        "a run is there under another key",
        "update pipeline_runs set idempotency_key = 'other' where id = run('plain')",
        "facts_created",
        "has the key other, not plain",
    ),
    (
        "a run is told of before it is there",
        "update chaos.ledger set at = '2000-01-01' where kind = 'created' and run_id = run('plain')",
        "facts_created",
        "and came only at",
    ),
    (
        "a claim is told that never was",
        "update chaos.ledger set lease_token = gen_random_uuid() where kind = 'claimed' and run_id = run('plain')",
        "facts_claimed",
        "never was this run's",
    ),
    (
        "a claim is told with another number",
        "update chaos.ledger set claim_count = 7 where kind = 'claimed' and run_id = run('plain')",
        "facts_claimed",
        "claim 1 was told as claim 7",
    ),
    (
        "a claim is told with another attempt",
        "update chaos.ledger set attempt = 7 where kind = 'claimed' and run_id = run('plain')",
        "facts_claimed",
        "attempt 1 was told as attempt 7",
    ),
    (
        "one claim is given to two workers",
        "insert into chaos.ledger (at, kind, tenant_id, run_id, lease_token, worker)
         select at, kind, tenant_id, run_id, lease_token, 'another' from chaos.ledger where kind = 'claimed' and run_id = run('plain')",
        "facts_claimed",
        "was given to two workers",
    ),
    (
        "a lease is told to go on that was not extended",
        "insert into chaos.ledger (at, kind, tenant_id, run_id, lease_token)
         select clock_timestamp(), kind, tenant_id, run_id, lease_token from chaos.ledger where kind = 'extended' and run_id = run('plain')",
        "facts_extended",
        "the 2. extension was told at",
    ),
    (
        "another outcome stands than was told",
        "update chaos.ledger set outcome = 'FAILED' where kind = 'completed' and run_id = run('plain')",
        "facts_completed",
        "FAILED was told to stand, and the run became SUCCEEDED",
    ),
    (
        "another status is told than the run has",
        "update chaos.ledger set status = 'QUEUED' where kind = 'completed' and run_id = run('plain')",
        "facts_completed",
        "the run was told to be QUEUED",
    ),
    (
        "a report stands that never was made",
        "update chaos.ledger set lease_token = token('taken', 1) where kind = 'completed' and run_id = run('taken')",
        "facts_completed",
        "was not reported under this token",
    ),
    (
        "a run is told to be handed back whose lease was lost",
        "insert into chaos.ledger (at, kind, tenant_id, run_id, lease_token)
         select clock_timestamp(), 'released', tenant_id, run_id, token('swept', 1) from chaos.run_changes where run_id = run('swept') limit 1",
        "facts_released",
        "its lease was lost",
    ),
    (
        "a run is told to be handed back twice",
        "insert into chaos.ledger (at, kind, tenant_id, run_id, lease_token)
         select at, kind, tenant_id, run_id, lease_token from chaos.ledger where kind = 'released'",
        "facts_released",
        "was handed back twice",
    ),
    (
        "a run is told to be CANCELLED that is not",
        "insert into chaos.ledger (at, kind, tenant_id, run_id)
         select clock_timestamp(), 'cancelled', tenant_id, run_id from chaos.run_changes where run_id = run('plain') limit 1",
        "facts_cancelled",
        "was told to be CANCELLED, and never was",
    ),
    (
        "a run that was CANCELLED ends in another way",
        "update pipeline_runs set status = 'FAILED' where id = run('cancelled')",
        "facts_cancelled",
        "was CANCELLED, and is FAILED",
    ),
    (
        "a step is told to be stored that is not",
        "update chaos.ledger set step_id = 'other' where kind = 'step_stored' and run_id = run('plain')",
        "facts_step_stored",
        "was not",
    ),
    (
        "what a worker stores that has lost its lease is accepted",
        "insert into chaos.ledger (at, kind, tenant_id, run_id, lease_token, step_id, outcome)
         select clock_timestamp(), 'step_stored', tenant_id, run_id, token('swept', 1), 'send', 'SUCCEEDED'
         from chaos.run_changes where run_id = run('swept') limit 1",
        "facts_step_stored",
        "step send was told to be stored as SUCCEEDED under claim 1, and was not",
    ),
    (
        "a worker is told that the run was CANCELLED",
        "update chaos.ledger set code = 'run_cancelled' where kind = 'refused' and run_id = run('plain')",
        "facts_refused",
        "the run was not CANCELLED",
    ),
    (
        "a worker is told that the run has ended",
        "update chaos.ledger set code = 'already_finished' where kind = 'refused' and run_id = run('cancelled')",
        "facts_refused",
        "the run had not ended",
    ),
    (
        "a worker is told to send a token on a first claim",
        "update chaos.ledger set code = 'lease_token_required' where kind = 'refused' and run_id = run('plain')",
        "facts_refused",
        "claimed once at most",
    ),
    (
        "a worker is refused whose lease is alive",
        "select create_run('x', 'plain'), claim('x');
         insert into chaos.ledger (at, kind, tenant_id, run_id, lease_token, code)
         select clock_timestamp(), 'refused', tenant_id, id, lease_token, 'lease_lost' from pipeline_runs where id = run('x')",
        "facts_refused",
        "of a lease that was alive",
    ),
    (
        "an end that was seen does not stay",
        "update pipeline_runs set status = 'FAILED' where id = run('plain')",
        "facts_seen",
        "was seen as SUCCEEDED",
    ),
    (
        "a run is seen as it never was",
        "update chaos.ledger set status = 'CANCELLED' where kind = 'seen' and run_id = run('plain')",
        "facts_seen",
        "and had not been so",
    ),
];

/// What is right though it may look wrong.
pub const ALLOWED: &[(&str, &str)] = &[
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
];
