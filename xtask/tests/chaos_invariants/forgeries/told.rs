//! Of what clients were told.

use super::Forgery;

pub const ALL: &[Forgery] = &[
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
    (
        "a run that was told of is not there",
        "delete from pipeline_runs where id = run('plain')",
        "facts_created",
        "is not in the table",
    ),
    (
        "a claim is told before it is made",
        "update chaos.ledger set at = '2000-01-01' where kind = 'claimed' and run_id = run('plain')",
        "facts_claimed",
        "and came only at",
    ),
    (
        "a step is told to be stored that only the attempt before has stored",
        "delete from chaos.step_changes where run_id = run('retried') and new_run_attempt = 2",
        "facts_step_stored",
        "under claim 2, and was not",
    ),
    (
        "another result of a step is stored than was told",
        "update chaos.ledger set outcome = 'FAILED' where kind = 'step_stored' and run_id = run('plain')",
        "facts_step_stored",
        "was told to be stored as FAILED",
    ),
];
