//! What becomes of deliveries: their order, what fails, what is given up, and deliverers beside each other.

use std::time::Duration;

use runplane::catalog::{self, UpdateWebhookRequest};
use runplane::events::{self, Outcome, Room};
use runplane::reach::ReachFailure;
use runplane::runs::{self, CancelRequest};
use runplane::scope::Scope;
use serde_json::json;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::support::{World, claim_by_id, queued, world};
use crate::telling::{Conn, ROOM, acknowledge, details, fail, pass, pending, refused, take, types, webhook};

/// A run that was created, claimed and cancelled: three events.
async fn lived(conn: &mut PgConnection, world: World) -> Uuid {
    let run = queued(conn, world, "").await;
    claim_by_id(conn, Scope::All, run, "w").await.unwrap();
    let cancel: CancelRequest = serde_json::from_value(json!({})).unwrap();
    runs::cancel(conn, Scope::All, run, &cancel).await.unwrap();
    run
}

const LIFE: [&str; 3] = ["run.queued", "run.running", "run.cancelled"];

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_events_of_a_run_come_one_after_the_other(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    lived(&mut conn, world).await;
    let mut told = Vec::new();
    for kind in LIFE {
        let taken = take(&mut conn).await;
        assert_eq!(types(&taken), [kind]);
        // It is under way: nothing behind it comes, and it comes to nobody else.
        assert!(take(&mut conn).await.is_empty());
        assert_eq!(acknowledge(&mut conn, &taken).await.delivered, 1);
        told.push(taken[0].event.clone());
    }
    assert!(take(&mut conn).await.is_empty());
    assert!(told.is_sorted_by_key(|event| event.sequence));
    assert!(details(&mut conn, webhook.id).await.last_delivered_at.is_some());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn runs_and_listeners_do_not_wait_for_each_other(mut conn: Conn) {
    let world = world(&mut conn).await;
    let first = webhook(&mut conn, world, json!({})).await;
    let second = webhook(&mut conn, world, json!({})).await;
    for _ in 0..2 {
        lived(&mut conn, world).await;
    }
    let taken = take(&mut conn).await;
    assert_eq!(types(&taken), ["run.queued"; 4]);
    let of = |listener| taken.iter().filter(|delivery| delivery.listener_id == listener).count();
    assert_eq!((of(first.id), of(second.id)), (2, 2));
    // One of the first listener's fails, which holds back that run for that listener, and nothing else.
    let (failing, well) = taken.split_first().unwrap();
    fail(&mut conn, std::slice::from_ref(failing), refused()).await;
    acknowledge(&mut conn, well).await;
    assert_eq!(types(&take(&mut conn).await), ["run.running"; 3]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_a_deliverer_took_that_died_is_taken_again(mut conn: Conn) {
    let world = world(&mut conn).await;
    webhook(&mut conn, world, json!({})).await;
    lived(&mut conn, world).await;
    let lost = take(&mut conn).await;
    pass(&mut conn, "119 s").await;
    assert!(take(&mut conn).await.is_empty());
    pass(&mut conn, "1 s").await;
    let again = take(&mut conn).await;
    assert_eq!((again[0].event.clone(), again[0].attempt), (lost[0].event.clone(), 2));
    // The one that was believed dead was only late, and says that it failed: that is old.
    assert_eq!(fail(&mut conn, &lost, refused()).await.failed, 0);
    assert_eq!(acknowledge(&mut conn, &again).await.delivered, 1);
    assert_eq!(types(&take(&mut conn).await), ["run.running"]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_receiver_that_is_down_for_an_hour_misses_nothing(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    let runs = [lived(&mut conn, world).await, lived(&mut conn, world).await];
    let mut tried = 0;
    for _ in 0..60 {
        let taken = take(&mut conn).await;
        tried += taken.len();
        fail(&mut conn, &taken, refused()).await;
        pass(&mut conn, "1 min").await;
    }
    assert!((6..60).contains(&tried), "ever more seldom: {tried}");
    let failing = details(&mut conn, webhook.id).await;
    assert_eq!((failing.pending, failing.given_up), (6, 0));
    assert_eq!(failing.last_error.as_deref(), Some("connect"));
    assert!(failing.failures >= 3 && failing.failing_since.is_some() && failing.rests_until.is_some());
    // It is well again.
    pass(&mut conn, "10 min").await;
    let mut told = Vec::new();
    for _ in 0..20 {
        let taken = take(&mut conn).await;
        told.extend(
            taken.iter().map(|taken| (taken.event.data["run_id"].clone(), taken.event.r#type.clone())),
        );
        acknowledge(&mut conn, &taken).await;
        pass(&mut conn, "10 min").await;
    }
    for run in runs {
        let of_run: Vec<_> =
            told.iter().filter(|(id, _)| *id == json!(run)).map(|(_, kind)| kind.as_str()).collect();
        assert_eq!(of_run, LIFE);
    }
    assert_eq!(told.len(), 6);
    let well = details(&mut conn, webhook.id).await;
    assert_eq!((well.failures, well.failing_since, well.rests_until), (0, None, None));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_listener_that_fails_is_asked_with_one_alone_until_it_is_well(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    for _ in 0..5 {
        queued(&mut conn, world, "").await;
    }
    let taken = take(&mut conn).await;
    assert_eq!(taken.len(), 5);
    fail(&mut conn, &taken, refused()).await;
    assert!(details(&mut conn, webhook.id).await.rests_until.is_some());
    pass(&mut conn, "9 s").await;
    assert!(take(&mut conn).await.is_empty(), "it rests");
    pass(&mut conn, "10 min").await;
    let probe = take(&mut conn).await;
    assert_eq!(probe.len(), 1);
    acknowledge(&mut conn, &probe).await;
    assert_eq!(take(&mut conn).await.len(), 4);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn one_event_that_is_always_refused_does_not_keep_the_others(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({"event_types": ["run.queued"]})).await;
    queued(&mut conn, world, "").await;
    let bad = take(&mut conn).await;
    fail(&mut conn, &bad, ReachFailure::passing("http_400", "no")).await;
    for _ in 0..10 {
        queued(&mut conn, world, "").await;
        let well: Vec<_> = take(&mut conn).await;
        let (bad, well): (Vec<_>, Vec<_>) = well.into_iter().partition(|taken| taken.id == bad[0].id);
        fail(&mut conn, &bad, ReachFailure::passing("http_400", "no")).await;
        assert_eq!(acknowledge(&mut conn, &well).await.delivered, 1);
        pass(&mut conn, "1 min").await;
    }
    assert_eq!(details(&mut conn, webhook.id).await.pending, 1);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_receiver_that_asks_for_time_gets_it(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    lived(&mut conn, world).await;
    queued(&mut conn, world, "").await;
    let taken = take(&mut conn).await;
    let busy = ReachFailure::passing("http_429", "").after(Some(Duration::from_secs(1800)));
    fail(&mut conn, &taken[..1], busy).await;
    acknowledge(&mut conn, &taken[1..]).await;
    let seconds: f64 = sqlx::query_scalar(
        "select extract(epoch from rests_until - now())::float8 from listener_health where listener_id = $1",
    )
    .bind(webhook.id)
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    assert!((1790.0..=1800.0).contains(&seconds), "{seconds}");
    pass(&mut conn, "29 min").await;
    assert!(take(&mut conn).await.is_empty());
    pass(&mut conn, "1 min").await;
    assert_eq!(types(&take(&mut conn).await), ["run.queued"]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_receiver_that_is_gone_is_paused_and_goes_on_when_somebody_says_so(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    lived(&mut conn, world).await;
    let taken = take(&mut conn).await;
    let settled = fail(&mut conn, &taken, ReachFailure::passing("http_410", "")).await;
    assert_eq!(settled.gone, [webhook.id]);
    pass(&mut conn, "1 h").await;
    assert!(take(&mut conn).await.is_empty());
    let shown = details(&mut conn, webhook.id).await;
    assert_eq!((shown.webhook.paused, shown.last_error.as_deref()), (true, Some("http_410")));
    let go_on: UpdateWebhookRequest = serde_json::from_value(json!({"paused": false})).unwrap();
    catalog::update_webhook(&mut conn, Scope::All, webhook.id, &go_on).await.unwrap();
    assert_eq!(types(&take(&mut conn).await), ["run.queued"]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_waits_for_three_days_is_given_up_and_can_be_retried_for_a_month(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    lived(&mut conn, world).await;
    let taken = take(&mut conn).await;
    pass(&mut conn, "3 days").await;
    // The last attempt has failed.
    let settled = fail(&mut conn, &taken, refused()).await;
    assert_eq!((settled.failed, settled.given_up), (1, 1));
    // Nobody has tried the others.
    assert_eq!(events::expire_deliveries(&mut conn, 10).await.unwrap().given_up, 2);
    assert!(take(&mut conn).await.is_empty());
    let shown = details(&mut conn, webhook.id).await;
    assert_eq!((shown.pending, shown.given_up, shown.waiting_since), (0, 3, None));

    let retried = catalog::retry_deliveries(&mut conn, Scope::All, webhook.id).await.unwrap();
    assert_eq!((retried.retried, retried.more), (3, false));
    assert!(details(&mut conn, webhook.id).await.waiting_since.is_some());
    let again = take(&mut conn).await;
    assert_eq!(again[0].event, taken[0].event, "by the same id");
    acknowledge(&mut conn, &again).await;

    pass(&mut conn, "3 days").await;
    events::expire_deliveries(&mut conn, 10).await.unwrap();
    pass(&mut conn, "29 days").await;
    assert_eq!(events::expire_deliveries(&mut conn, 10).await.unwrap().deleted, 0);
    pass(&mut conn, "1 day").await;
    assert_eq!(events::expire_deliveries(&mut conn, 1).await.unwrap().deleted, 1);
    assert!(events::expire_deliveries(&mut conn, 1).await.unwrap().more);
    assert_eq!(details(&mut conn, webhook.id).await.given_up, 0);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_was_for_a_webhook_that_is_deleted_goes_with_it(mut conn: Conn) {
    let world = world(&mut conn).await;
    let gone = webhook(&mut conn, world, json!({})).await;
    let stays = webhook(&mut conn, world, json!({})).await;
    lived(&mut conn, world).await;
    let taken: Vec<_> =
        take(&mut conn).await.into_iter().filter(|taken| taken.listener_id == gone.id).collect();
    fail(&mut conn, &taken, refused()).await;
    catalog::delete_webhook(&mut conn, Scope::All, gone.id).await.unwrap();
    pass(&mut conn, "10 min").await;
    let left = take(&mut conn).await;
    assert!(left.iter().all(|taken| taken.listener_id == stays.id));
    assert_eq!(events::expire_deliveries(&mut conn, 10).await.unwrap().deleted, 3);
    assert!(pending(&mut conn, gone.id).await.is_empty());
    assert_eq!(pending(&mut conn, stays.id).await.len(), 3);
    let health: i64 =
        sqlx::query_scalar("select count(*) from listener_health").fetch_one(&mut *conn).await.unwrap();
    assert_eq!(health, 0);
}

/// Each event is one of a run of its own, so that none waits for another.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn deliverers_beside_each_other_take_each_delivery_once(
    options: PgPoolOptions,
    connect: sqlx::postgres::PgConnectOptions,
) {
    let pool: PgPool = options.max_connections(5).connect_with(connect).await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let world = world(&mut conn).await;
    for _ in 0..3 {
        webhook(&mut conn, world, json!({})).await;
    }
    for _ in 0..100 {
        queued(&mut conn, world, "").await;
    }
    let deliverer = async || {
        let mut conn = pool.acquire().await.unwrap();
        let mut sent = Vec::new();
        loop {
            let room = Room { webhook: 7, bus: 1, all: 10 };
            let taken = events::take_deliveries(&mut conn, &[], None, room).await.unwrap();
            if taken.is_empty() {
                return sent;
            }
            let outcomes: Vec<_> = taken.iter().map(|taken| Outcome::new(taken, Ok(()))).collect();
            events::settle_deliveries(&mut conn, &outcomes).await.unwrap();
            sent.extend(taken.iter().map(|taken| taken.id));
        }
    };
    let (mut sent, more, still_more) = tokio::join!(deliverer(), deliverer(), deliverer());
    sent.extend(more);
    sent.extend(still_more);
    assert_eq!(sent.len(), 300);
    sent.sort_unstable();
    sent.dedup();
    assert_eq!(sent.len(), 300, "one was sent twice");
    let left: i64 =
        sqlx::query_scalar("select count(*) from deliveries").fetch_one(&mut *conn).await.unwrap();
    assert_eq!(left, 0);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn listeners_have_turns_and_those_that_are_busy_none(mut conn: Conn) {
    let world = world(&mut conn).await;
    let mut webhooks = Vec::new();
    for _ in 0..3 {
        webhooks.push(webhook(&mut conn, world, json!({})).await.id);
    }
    for _ in 0..4 {
        queued(&mut conn, world, "").await;
    }
    let room = Room { webhook: 2, ..ROOM };
    let taken = events::take_deliveries(&mut conn, &webhooks[..1], None, room).await.unwrap();
    assert_eq!(taken.len(), 4, "of the others two each");
    assert!(taken.iter().all(|taken| taken.listener_id != webhooks[0]));
    let room = Room { all: 2, ..room };
    let taken = events::take_deliveries(&mut conn, &[], Some(webhooks[1]), room).await.unwrap();
    assert!(taken.iter().all(|taken| taken.listener_id == webhooks[2]), "whose turn it is");
}

async fn oldest_seconds(conn: &mut PgConnection) -> f64 {
    events::standing(conn).await.unwrap().oldest_seconds
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_nobody_tells_is_heard_of(mut conn: Conn) {
    let world = world(&mut conn).await;
    assert_eq!(events::standing(&mut conn).await.unwrap(), events::Standing::default());
    let failing = webhook(&mut conn, world, json!({})).await;
    webhook(&mut conn, world, json!({"paused": true})).await;
    for _ in 0..3 {
        queued(&mut conn, world, "").await;
    }
    let taken = take(&mut conn).await;
    fail(&mut conn, &taken, refused()).await;
    // It rests, and so do its events.
    let standing = events::standing(&mut conn).await.unwrap();
    assert_eq!((standing.oldest_seconds, standing.failing), (0.0, 1), "{failing:?}");
    // It has rested, and nobody has come since, for a minute at least.
    pass(&mut conn, "2 min").await;
    let waited = oldest_seconds(&mut conn).await;
    assert!((60.0..121.0).contains(&waited), "{waited}");
    // Another one, to whom nobody has ever come.
    webhook(&mut conn, world, json!({})).await;
    queued(&mut conn, world, "").await;
    pass(&mut conn, "20 min").await;
    let waited = oldest_seconds(&mut conn).await;
    assert!((1310.0..1320.0).contains(&waited), "{waited}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_a_webhook_itself_is_to_blame_for_pages_nobody(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    let disliked = queued(&mut conn, world, "").await;
    // It takes every event but that one, for two days.
    for _ in 0..48 {
        queued(&mut conn, world, "").await;
        let taken = take(&mut conn).await;
        let (bad, good): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|taken| taken.event.data["run_id"] == json!(disliked));
        assert_eq!(good.len(), 1);
        fail(&mut conn, &bad, refused()).await;
        acknowledge(&mut conn, &good).await;
        assert!(oldest_seconds(&mut conn).await < 10.0);
        pass(&mut conn, "1 h").await;
    }
    let known = details(&mut conn, webhook.id).await;
    assert_eq!((known.pending, known.failures), (1, 0), "{known:?}");
    // It goes on after a long pause: what waits is old, and somebody has come.
    let pause = async |conn: &mut PgConnection, paused: bool| {
        let change: UpdateWebhookRequest = serde_json::from_value(json!({"paused": paused})).unwrap();
        catalog::update_webhook(conn, Scope::All, webhook.id, &change).await.unwrap();
    };
    pause(&mut conn, true).await;
    for _ in 0..3 {
        queued(&mut conn, world, "").await;
    }
    pass(&mut conn, "10 h").await;
    assert_eq!(oldest_seconds(&mut conn).await, 0.0);
    pause(&mut conn, false).await;
    let taken = take(&mut conn).await;
    acknowledge(&mut conn, &taken[..1]).await;
    assert!(oldest_seconds(&mut conn).await < 10.0);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_event_for_the_bus_counts_from_when_it_happened(mut conn: Conn) {
    let world = world(&mut conn).await;
    events::keep_bus(&mut conn, true).await.unwrap();
    queued(&mut conn, world, "").await;
    for _ in 0..3 {
        let taken = take(&mut conn).await;
        fail(&mut conn, &taken, refused()).await;
        pass(&mut conn, "5 min").await;
    }
    let standing = events::standing(&mut conn).await.unwrap();
    assert!((900.0..910.0).contains(&standing.oldest_seconds), "{standing:?}");
    assert_eq!(standing.failing, 1);
}
