//! The invariants of the chaos on a real Postgres: a good story violates none, and each forgery is found by the invariant that is there for it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod forgeries;
mod stage;
mod story;
mod teller;

use sqlx::{Connection, PgConnection};
use uuid::Uuid;
use xtask::chaos::invariants::{self, Checked};
use xtask::chaos::ledger::{Entry, Kind};
use xtask::chaos::store;
use xtask::database;

use crate::stage::Stage;

/// Asserts that every invariant has looked at something, and found nothing.
fn assert_good(checked: &[Checked]) {
    for one in checked {
        assert!(one.is_proven(), "{one}");
    }
}

#[tokio::test]
async fn a_good_story_violates_nothing_and_an_empty_one_proves_nothing() {
    let stage = Stage::start("good").await;
    let mut conn = stage.connect().await;
    let checked = invariants::check(&mut conn).await.unwrap();
    assert_eq!(checked.len(), 20);
    assert_good(&checked);
    assert_eq!(invariants::check(&mut conn).await.unwrap(), checked, "it can be checked again");

    let empty =
        "truncate pipeline_runs cascade; truncate chaos.run_changes, chaos.step_changes, chaos.ledger";
    for one in stage.forge(empty).await {
        assert_eq!((one.facts, one.is_proven()), (0, false));
        assert!(one.to_string().ends_with("looked at nothing, which proves nothing"), "{one}");
    }
}

#[tokio::test]
async fn the_ledger_is_stored_line_by_line_in_its_order() {
    let stage = Stage::start("ledger").await;
    let mut conn = stage.connect().await;
    sqlx::raw_sql("truncate chaos.ledger restart identity").execute(&mut conn).await.unwrap();
    // More than one statement takes, and what a line says all different.
    let [tenant, run, run_tenant, token] = [1, 2, 3, 4].map(Uuid::from_u128);
    let lines: Vec<_> = (1..=20_001)
        .map(|n: i32| Entry {
            run_tenant_id: Some(run_tenant),
            lease_token: Some(token),
            key: Some(format!("key, \"{n}\"\\ \n")),
            worker: Some("w".to_owned()),
            outcome: Some("FAILED".to_owned()),
            status: Some("QUEUED".to_owned()),
            claim_count: Some(n),
            attempt: Some(-n),
            step_id: Some("s".to_owned()),
            code: Some("lease_lost".to_owned()),
            ..Entry::new(Kind::StepStored, tenant, run)
        })
        .chain([Entry::new(Kind::Seen, tenant, run)])
        .collect();
    store::load(&mut conn, &lines).await.unwrap();

    let right: i64 = sqlx::query_scalar(
        "select count(*) from chaos.ledger l
         where (l.kind, l.tenant_id, l.run_id, l.run_tenant_id, l.lease_token, l.key, l.worker, l.outcome, l.status, l.claim_count,
                l.attempt, l.step_id, l.code)
             = ('step_stored', $1, $2, $3, $4, format(E'key, \"%s\"\\\\ \n', l.line), 'w', 'FAILED', 'QUEUED', l.line, -l.line, 's', 'lease_lost')
           and l.at between $5 and clock_timestamp()",
    )
    .bind(tenant)
    .bind(run)
    .bind(run_tenant)
    .bind(token)
    .bind(lines[0].at)
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert_eq!(right, 20_001);
    let bare: i64 = sqlx::query_scalar(
        "select l.line from chaos.ledger l
         where l.kind = 'seen' and num_nulls(l.run_tenant_id, l.lease_token, l.key, l.worker, l.outcome, l.status, l.claim_count,
           l.attempt, l.step_id, l.code) = 10",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert_eq!(bare, 20_002);
}

#[tokio::test]
async fn every_forgery_is_found_by_the_invariant_that_is_there_for_it() {
    let stage = Stage::start("forged").await;
    let mut found_by = Vec::new();
    for (name, forgery, invariant, says) in forgeries::all() {
        let checked = stage.forge(forgery).await;
        let one = checked.iter().find(|one| one.name == *invariant).unwrap();
        let said = one.violations.iter().any(|violation| violation.what.contains(says));
        assert!(said, "{name}: {invariant} did not say {says:?}. It says {one}");
        assert!(one.found as usize >= one.violations.len() && one.violations.len() <= 20, "{name}");
        found_by.push(*invariant);
    }
    let mut conn = stage.connect().await;
    for one in invariants::check(&mut conn).await.unwrap() {
        assert!(found_by.contains(&one.name), "{} has found no forgery", one.name);
    }
}

#[tokio::test]
async fn what_looks_like_a_violation_and_is_none_is_not_found() {
    let stage = Stage::start("allowed").await;
    for (name, deed) in forgeries::allowed::ALL {
        for one in stage.forge(deed).await {
            assert_eq!(one.found, 0, "{name}: {one}");
        }
    }
}

#[tokio::test]
async fn a_killed_postgres_comes_back_with_all_that_the_witness_saw() {
    let mut stage = Stage::start("killed").await;
    let before = invariants::check(&mut stage.connect().await).await.unwrap();
    // Seen but not committed.
    let mut conn = stage.connect().await;
    sqlx::raw_sql("begin; select complete('late')").execute(&mut conn).await.unwrap();
    stage.server.kill().await.unwrap();
    stage.server.restart().await.unwrap();
    let after = invariants::check(&mut stage.connect().await).await.unwrap();
    assert_eq!(after, before);
    assert_good(&after);
}

#[tokio::test]
async fn the_functions_can_neither_read_nor_write_what_the_witness_writes_of_them() {
    let stage = Stage::start("role").await;
    let url = database::role_of_the_functions(&stage.server.database_url).await.unwrap().unwrap();
    let mut function = database::connect(&url).await.unwrap();
    for forbidden in [
        "select count(*) from chaos.run_changes",
        "delete from chaos.run_changes",
        "insert into chaos.limit_changes (tenant_id) values (gen_random_uuid())",
        "select nextval('chaos.seq')",
        "drop schema chaos cascade",
        "alter table pipeline_runs disable trigger user",
    ] {
        let refused = sqlx::raw_sql(forbidden).execute(&mut function).await.unwrap_err();
        let code = refused.as_database_error().unwrap().code().unwrap().into_owned();
        assert_eq!(code, "42501", "{forbidden}: {refused}");
    }

    let mut owner = stage.connect().await;
    let before = changes(&mut owner).await;
    for deed in [
        "update pipeline_runs set status = 'QUEUED', finished_at = null where idempotency_key = 'never_begun'",
        "update run_steps set attempts = attempts + 1 where item = -1",
        "update tenants set paused = true",
        "update pipelines set max_running = 7",
        // Nothing of these is a change that it is there for.
        "update pipeline_runs set dispatches = dispatches + 1",
        "update tenants set name = 'x'",
    ] {
        sqlx::raw_sql(deed).execute(&mut function).await.unwrap();
    }
    let [runs, steps, limits] = before;
    let stored: i64 =
        sqlx::query_scalar("select count(*) from run_steps").fetch_one(&mut owner).await.unwrap();
    assert_eq!(changes(&mut owner).await, [runs + 1, steps + stored, limits + 2 + 3]);
    function.close().await.unwrap();
}

/// How many changes of runs, steps and limits the witness has seen.
async fn changes(conn: &mut PgConnection) -> [i64; 3] {
    let (runs, steps, limits) = sqlx::query_as(
        "select (select count(*) from chaos.run_changes), (select count(*) from chaos.step_changes),
           (select count(*) from chaos.limit_changes)",
    )
    .fetch_one(conn)
    .await
    .unwrap();
    [runs, steps, limits]
}
