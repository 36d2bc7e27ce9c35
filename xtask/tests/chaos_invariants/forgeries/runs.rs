//! Of runs, their claims and their bounds.

use super::Forgery;

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
    (
        "a run is made a second time",
        "create table copy as select * from pipeline_runs where id = run('late');
         delete from pipeline_runs where id = run('late');
         insert into pipeline_runs select * from copy",
        "created_once",
        "was inserted 2 times",
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
        "two claims have one number",
        "select create_run('x', 'plain'), claim('x'), hand_back('x'); update pipeline_runs set claim_count = 0 where id = run('x');
         select claim('x'), complete('x')",
        "one_report_per_attempt",
        "claim 1 was counted twice",
    ),
    (
        "an attempt that was reported begins again",
        "select create_run('x', 'plain'), claim('x'), complete('x');
         select hand_back('x'), claim('x'), complete('x')",
        "one_report_per_attempt",
        "attempt 1 was reported 2 times",
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
];
