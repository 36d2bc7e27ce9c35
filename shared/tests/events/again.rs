//! When what was not delivered is tried again, and who may still say that it was not.

use std::time::Duration;

use runplane::catalog;
use runplane::events::{self, Delivery, Outcome};
use runplane::reach::ReachFailure;
use runplane::scope::Scope;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::support::{claim_by_id, queued, world};
use crate::telling::{Conn, acknowledge, details, fail, pass, pending, refused, take, webhook};

/// Lets this attempt of a delivery fail. Returns in how many seconds it is due again, exactly: a transaction has one time.
async fn due_in(conn: &mut PgConnection, delivery: &Delivery, attempt: i32, failure: ReachFailure) -> f64 {
    let mut transaction = conn.begin().await.unwrap();
    sqlx::query("update deliveries set attempts = $2 where id = $1")
        .bind(delivery.id)
        .bind(attempt)
        .execute(&mut *transaction)
        .await
        .unwrap();
    let outcome = Outcome::new(&Delivery { attempt, ..delivery.clone() }, Err(failure));
    assert_eq!(events::settle_deliveries(&mut transaction, &[outcome]).await.unwrap().failed, 1);
    let seconds = "select extract(epoch from due_at - now())::float8 from deliveries where id = $1";
    let seconds = sqlx::query_scalar(seconds).bind(delivery.id).fetch_one(&mut *transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    seconds
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_event_is_tried_again_after_ten_seconds_then_twice_as_long_and_ten_minutes_at_most(
    mut conn: Conn,
) {
    let world = world(&mut conn).await;
    webhook(&mut conn, world, json!({})).await;
    queued(&mut conn, world, "").await;
    let delivery = take(&mut conn).await.remove(0);
    for (attempt, most) in
        (1..).zip([10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 600.0, 600.0, 600.0, 600.0, 600.0, 600.0])
    {
        let seconds = due_in(&mut conn, &delivery, attempt, refused()).await;
        assert!((most * 2.0 / 3.0..=most).contains(&seconds), "attempt {attempt}: {seconds}");
    }
    let long_ago = due_in(&mut conn, &delivery, i32::MAX, refused()).await;
    assert!((400.0..=600.0).contains(&long_ago), "{long_ago}");
    // Chance keeps apart what failed together.
    let mut all: Vec<_> = Vec::new();
    for _ in 0..5 {
        all.push(due_in(&mut conn, &delivery, 7, refused()).await);
    }
    assert!(all.iter().any(|seconds| *seconds != all[0]), "{all:?}");
}

/// So that nobody comes by it in vain, again and again.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_comes_behind_an_event_that_failed_is_due_no_sooner(mut conn: Conn) {
    let world = world(&mut conn).await;
    webhook(&mut conn, world, json!({})).await;
    let run = queued(&mut conn, world, "").await;
    let other = queued(&mut conn, world, "").await;
    for run in [run, other] {
        claim_by_id(&mut conn, Scope::All, run, "w").await.unwrap();
    }
    let taken = take(&mut conn).await;
    fail(&mut conn, &taken[..1], refused()).await;
    let due: Vec<(Uuid, String, bool)> = sqlx::query_as(
        "select run_id, event_type, due_at > now() and due_at = min(due_at) filter (where event_type = 'run.queued') over (partition by run_id)
         from deliveries order by id",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let behind = |run| due.iter().find(|(id, kind, _)| *id == run && kind == "run.running").unwrap().2;
    assert_eq!((behind(run), behind(other)), (true, false), "{due:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_receiver_gets_the_time_that_it_asks_for_and_no_less_than_it_would_have_got(mut conn: Conn) {
    let world = world(&mut conn).await;
    webhook(&mut conn, world, json!({})).await;
    queued(&mut conn, world, "").await;
    let delivery = take(&mut conn).await.remove(0);
    let busy = |seconds| ReachFailure::passing("http_429", "").after(Some(Duration::from_secs(seconds)));
    assert_eq!(due_in(&mut conn, &delivery, 1, busy(7200)).await, 7200.0);
    let seconds = due_in(&mut conn, &delivery, 5, busy(1)).await;
    assert!(seconds >= 106.0, "{seconds}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_listener_rests_half_as_long_as_it_has_been_failing_within_bounds(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    queued(&mut conn, world, "").await;
    let delivery = take(&mut conn).await.remove(0);
    for (failures, failing, rest) in [
        (1, "1 h", None),
        (2, "0 s", Some(10.0)),
        (2, "19 s", Some(10.0)),
        (2, "1 min", Some(30.0)),
        (9, "10 min", Some(300.0)),
        (9, "20 min", Some(600.0)),
        (9, "2 days", Some(600.0)),
    ] {
        let mut transaction = conn.begin().await.unwrap();
        sqlx::query(
            "insert into listener_health (listener_id, failures, failing_since) values ($1, $2, now() - $3::text::interval)",
        )
        .bind(webhook.id)
        .bind(failures)
        .bind(failing)
        .execute(&mut *transaction)
        .await
        .unwrap();
        fail(&mut transaction, std::slice::from_ref(&delivery), refused()).await;
        let seconds: Option<f64> = sqlx::query_scalar(
            "select extract(epoch from rests_until - now())::float8 from listener_health where listener_id = $1",
        )
        .bind(webhook.id)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
        assert_eq!(seconds, rest, "failed {failures} times, for {failing}");
        transaction.rollback().await.unwrap();
    }
}

/// The listener's row and its health, and what there is to tell it.
async fn known(conn: &mut PgConnection, webhook: Uuid) -> serde_json::Value {
    sqlx::query_scalar(
        "select jsonb_build_array(to_jsonb(l),
           (select to_jsonb(h) from listener_health h where h.listener_id = l.id),
           (select jsonb_agg(to_jsonb(d) order by d.id) from deliveries d where d.listener_id = l.id))
         from listeners l where l.id = $1",
    )
    .bind(webhook)
    .fetch_one(conn)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn who_comes_too_late_with_a_failure_overwrites_nothing(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    for _ in 0..3 {
        queued(&mut conn, world, "").await;
    }
    let late = take(&mut conn).await;
    assert_eq!(late.len(), 3);
    pass(&mut conn, "2 min").await;
    let again = take(&mut conn).await;
    assert_eq!(again.len(), 3);
    let failures = [
        refused(),
        ReachFailure::passing("http_410", ""),
        ReachFailure::passing("http_503", "").after(Some(Duration::from_secs(3600))),
    ];
    // While the other one is at it, and when it has delivered.
    for is_delivered in [false, true] {
        if is_delivered {
            assert_eq!(acknowledge(&mut conn, &again).await.delivered, 3);
        }
        let before = known(&mut conn, webhook.id).await;
        for failure in &failures {
            let settled = fail(&mut conn, &late, failure.clone()).await;
            assert_eq!((settled.failed, settled.given_up, settled.gone), (0, 0, vec![]), "{failure}");
            assert_eq!(known(&mut conn, webhook.id).await, before, "{failure}");
        }
    }
    let well = details(&mut conn, webhook.id).await;
    assert_eq!((well.webhook.paused, well.failures, well.rests_until, well.pending), (false, 0, None, 0));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn who_comes_late_and_has_delivered_spares_the_other_ones_attempts(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    queued(&mut conn, world, "").await;
    let late = take(&mut conn).await;
    pass(&mut conn, "2 min").await;
    let again = take(&mut conn).await;
    assert_eq!(acknowledge(&mut conn, &late).await.delivered, 1);
    assert!(pending(&mut conn, webhook.id).await.is_empty());
    // The other one's receiver has it already, and refuses it.
    fail(&mut conn, &again, ReachFailure::passing("http_409", "")).await;
    assert!(pending(&mut conn, webhook.id).await.is_empty());
    let retried = catalog::retry_deliveries(&mut conn, Scope::All, webhook.id).await.unwrap();
    assert_eq!((retried.retried, details(&mut conn, webhook.id).await.failures), (0, 0));
}
