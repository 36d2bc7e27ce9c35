//! Webhooks: what the receiver in Python sees.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use runplane::testing::{captured_log, execute};
use serde_json::json;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::receiver::Receiver;
use super::support::{
    KEY, OTHER, cancel, counts, deliverer, event, invoke, known, lived, pass, queued, taken_by_one_that_dies,
    told, webhook,
};
use crate::deliver::{Delivered, deliver};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_receiver_in_python_finds_the_signature_right(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut receiver = Receiver::start(&[KEY]).await;
    let (deliverer, _) = deliverer(options).await;
    webhook(&deliverer.app, &receiver.url("/hook")).await;
    let run = lived(&deliverer.app).await;
    assert_eq!(invoke(&deliverer).await, counts(2, 0));
    let seen = receiver.seen().await;
    assert_eq!(
        (&seen["valid"], &seen["signatures"], &seen["path"]),
        (&json!(true), &json!(1), &json!("/hook"))
    );
    assert_eq!(seen["content_type"], "application/json");
    assert!(seen["user_agent"].as_str().unwrap().starts_with("runplane/"), "{seen}");
    assert_eq!(seen["webhook_id"], seen["event"]["id"]);
    assert_eq!(told(&seen), event("run.queued", run));
    let next = receiver.seen().await;
    assert_eq!(told(&next), event("run.cancelled", run));
    assert!(next["event"]["sequence"].as_i64() > seen["event"]["sequence"].as_i64());
    assert_ne!(next["webhook_id"], seen["webhook_id"]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_receiver_that_knows_one_of_two_secrets_is_content(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (deliverer, vault) = deliverer(options).await;
    vault.put("hooks", &format!("{OTHER} {KEY}"));
    for known in [KEY, OTHER] {
        let mut receiver = Receiver::start(&[known]).await;
        let id = webhook(&deliverer.app, &receiver.url("/")).await;
        queued(&deliverer.app).await;
        invoke(&deliverer).await;
        let seen = receiver.seen().await;
        assert_eq!((&seen["valid"], &seen["signatures"]), (&json!(true), &json!(2)));
        let delete = sqlx::query("delete from listeners where id = $1").bind(id);
        runplane::testing::execute(&deliverer.app, delete).await;
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_secret_that_was_changed_is_looked_up_when_the_old_one_is_refused(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut receiver = Receiver::start(&[OTHER]).await;
    let (deliverer, vault) = deliverer(options).await;
    let id = webhook(&deliverer.app, &receiver.url("/")).await;
    queued(&deliverer.app).await;
    assert_eq!(invoke(&deliverer).await, counts(0, 1));
    assert_eq!(receiver.seen().await["valid"], false);
    assert_eq!(known(&deliverer.app, id).await.0.as_deref(), Some("http_401"));
    vault.put("hooks", OTHER);
    pass(&deliverer.app, "10 s").await;
    assert_eq!(invoke(&deliverer).await, counts(1, 0));
    assert_eq!(receiver.seen().await["valid"], true);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn without_a_secret_that_is_one_nothing_is_sent(_pool: PgPoolOptions, options: PgConnectOptions) {
    let receiver = Receiver::start(&[KEY]).await;
    let (deliverer, vault) = deliverer(options).await;
    let id = webhook(&deliverer.app, &receiver.url("/")).await;
    queued(&deliverer.app).await;
    vault.put("hooks", "no key at all");
    assert_eq!(invoke(&deliverer).await, counts(0, 1));
    assert_eq!(known(&deliverer.app, id).await.0.as_deref(), Some("secret_unusable"));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_receiver_that_is_down_for_an_hour_misses_nothing_and_gets_it_in_order(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (deliverer, _) = deliverer(options).await;
    // A port that nobody listens on.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let id = webhook(&deliverer.app, &format!("http://{nobody}/")).await;
    let mut runs = Vec::new();
    for _ in 0..60 {
        runs.push(queued(&deliverer.app).await);
        let delivered = invoke(&deliverer).await;
        assert_eq!((delivered.delivered, delivered.given_up), (0, 0));
        cancel(&deliverer.app, runs[runs.len() - 1]).await;
        pass(&deliverer.app, "1 min").await;
    }
    assert_eq!(known(&deliverer.app, id).await, (Some("connect".to_owned()), false));
    let mut receiver = Receiver::start(&[KEY]).await;
    let moved = sqlx::query("update listeners set url = $1").bind(receiver.url("/"));
    runplane::testing::execute(&deliverer.app, moved).await;
    let mut delivered = 0;
    for _ in 0..30 {
        pass(&deliverer.app, "1 min").await;
        delivered += invoke(&deliverer).await.delivered;
        if delivered == 120 {
            break;
        }
    }
    assert_eq!(delivered, 120, "two events of each run");
    let mut seen = Vec::new();
    for _ in 0..120 {
        let request = receiver.seen().await;
        assert_eq!(request["valid"], true);
        seen.push(told(&request));
    }
    assert_eq!(
        seen.len(),
        seen.iter().map(|(kind, run)| format!("{kind}{run}")).collect::<BTreeSet<_>>().len()
    );
    for run in runs {
        let place = |kind| seen.iter().position(|seen| *seen == event(kind, run)).unwrap();
        assert!(place("run.queued") < place("run.cancelled"), "{run}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_a_deliverer_took_that_died_is_delivered_by_the_next(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut receiver = Receiver::start(&[KEY]).await;
    let (deliverer, _) = deliverer(options).await;
    webhook(&deliverer.app, &receiver.url("/")).await;
    let run = lived(&deliverer.app).await;
    let lost = taken_by_one_that_dies(&deliverer.app).await;
    assert_eq!(invoke(&deliverer).await, counts(0, 0));
    pass(&deliverer.app, "2 min").await;
    assert_eq!(invoke(&deliverer).await, counts(2, 0));
    let first = receiver.seen().await;
    assert_eq!(first["webhook_id"], json!(lost[0].event.id), "by the same id");
    assert_eq!(told(&receiver.seen().await), event("run.cancelled", run));
}

/// So much that it is not cleared away before anything is sent, and its last ones may not go while somebody waits to be told.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_a_deleted_webhook_leaves_behind_keeps_nobody_waiting(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut receiver = Receiver::start(&[KEY]).await;
    let (deliverer, _) = deliverer(options).await;
    webhook(&deliverer.app, &receiver.url("/")).await;
    let run = queued(&deliverer.app).await;
    for change in [
        "create function hold() returns trigger language plpgsql as $$ begin
           if exists (select from deliveries d join listeners l on l.id = d.listener_id)
             and (select count(*) from deliveries) <= 500 then raise exception 'somebody waits'; end if;
           return null; end $$",
        "insert into deliveries (listener_id, tenant_id, run_id, event_id, event_type, data)
         select '0199e0c0-0000-7000-8000-0000000000ff', l.tenant_id, gen_random_uuid(), gen_random_uuid(), 'run.queued', '{}'
         from listeners l, generate_series(1, 4500)",
        "create trigger hold after delete on deliveries for each statement execute function hold()",
    ] {
        execute(&deliverer.app, sqlx::query(change)).await;
    }
    assert_eq!(invoke(&deliverer).await, Delivered { deleted: 4500, ..counts(1, 0) });
    assert_eq!(told(&receiver.seen().await), event("run.queued", run));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn events_are_told_though_nothing_can_be_cleared_away(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut receiver = Receiver::start(&[KEY]).await;
    let (deliverer, _) = deliverer(options).await;
    webhook(&deliverer.app, &receiver.url("/")).await;
    let run = queued(&deliverer.app).await;
    for change in [
        "create function hold() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$",
        "create trigger hold before delete on listener_health for each statement execute function hold()",
    ] {
        execute(&deliverer.app, sqlx::query(change)).await;
    }
    let (delivered, result) = deliver(&deliverer, Instant::now() + Duration::from_secs(60)).await;
    assert_eq!(delivered, counts(1, 0));
    assert!(result.unwrap_err().to_string().contains("no"), "and whoever operates it hears of it");
    assert_eq!(told(&receiver.seen().await), event("run.queued", run));
}

/// What an invocation has to note is the work of everybody who was under way.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_became_of_an_event_is_noted_once_more_where_that_fails(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut receiver = Receiver::start(&[KEY]).await;
    let (deliverer, _) = deliverer(options).await;
    webhook(&deliverer.app, &receiver.url("/")).await;
    let run = queued(&deliverer.app).await;
    for change in [
        "create sequence tries",
        "create function once() returns trigger language plpgsql as $$ begin
           if nextval('tries') = 1 then raise exception 'once'; end if; return old; end $$",
        "create trigger once before delete on deliveries for each row execute function once()",
    ] {
        execute(&deliverer.app, sqlx::query(change)).await;
    }
    assert_eq!(invoke(&deliverer).await, counts(1, 0));
    assert_eq!(told(&receiver.seen().await), event("run.queued", run));
    assert!(taken_by_one_that_dies(&deliverer.app).await.is_empty());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn two_deliverers_at_once_deliver_each_event_once(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut receiver = Receiver::start(&[KEY]).await;
    let (one, _) = deliverer(options.clone()).await;
    webhook(&one.app, &receiver.url("/")).await;
    for _ in 0..40 {
        lived(&one.app).await;
    }
    let db = runplane::db::Db::new(options, crate::FUNCTION.plans, runplane::db::Pooler::None);
    let app = runplane::app::App::new(crate::FUNCTION, db, None);
    let secrets = runplane::reach::secrets::Secrets::of_variables(|_| Some(KEY.to_owned()));
    let http = runplane::reach::http::Http::new();
    let other = crate::Deliverer { app, http, secrets, bus: None };
    let until = Instant::now() + Duration::from_secs(60);
    let (ours, theirs) = tokio::join!(deliver(&one, until), deliver(&other, until));
    let (ours, theirs) = (ours.0, theirs.0);
    assert_eq!(ours.failed + theirs.failed, 0);
    // Whoever is told of a run has not yet been told how it ended when the other looks: the last one may find nothing.
    let rest = invoke(&one).await.delivered;
    assert_eq!(ours.delivered + theirs.delivered + rest, 80);
    let mut ids = BTreeSet::new();
    for _ in 0..80 {
        ids.insert(receiver.seen().await["webhook_id"].to_string());
    }
    assert_eq!(ids.len(), 80);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_a_receiver_answers_says_what_becomes_of_it(_pool: PgPoolOptions, options: PgConnectOptions) {
    let receiver = Receiver::start(&[KEY]).await;
    let (deliverer, _) = deliverer(options).await;
    let mut webhooks = Vec::new();
    for (path, error) in
        [("/204", None), ("/400", Some("http_400")), ("/500", Some("http_500")), ("/503", Some("http_503"))]
    {
        webhooks.push((webhook(&deliverer.app, &receiver.url(path)).await, error));
    }
    let gone = webhook(&deliverer.app, &receiver.url("/gone")).await;
    queued(&deliverer.app).await;
    assert_eq!(invoke(&deliverer).await, counts(1, 4));
    for (id, error) in webhooks {
        assert_eq!(known(&deliverer.app, id).await, (error.map(str::to_owned), false));
    }
    assert_eq!(known(&deliverer.app, gone).await, (Some("http_410".to_owned()), true));
    // The 503 has asked for two minutes.
    pass(&deliverer.app, "119 s").await;
    assert_eq!(invoke(&deliverer).await, counts(0, 2));
    pass(&deliverer.app, "1 s").await;
    assert_eq!(invoke(&deliverer).await.failed, 1);
}

/// It answers when the others have been told everything, and not before.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn one_that_is_slow_keeps_nobody_waiting(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut receiver = Receiver::start(&[KEY]).await;
    let watch = options.clone();
    let (deliverer, _) = deliverer(options).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let slow = webhook(&deliverer.app, &format!("http://{}/", silent.local_addr().unwrap())).await;
    webhook(&deliverer.app, &receiver.url("/")).await;
    for _ in 0..20 {
        lived(&deliverer.app).await;
    }
    let mut watch = watch.connect().await.unwrap();
    let others = async {
        for _ in 0..40 {
            assert_eq!(receiver.seen().await["valid"], true);
        }
        // However often the others had room for more: it has what it had at first.
        let tried = "select count(*) from deliveries where listener_id = $1 and attempts > 0";
        let tried: i64 = sqlx::query_scalar(tried).bind(slow).fetch_one(&mut watch).await.unwrap();
        assert_eq!(tried, 16);
        // Whoever waits for it is let down now.
        drop(silent);
    };
    let (delivered, ()) = tokio::join!(invoke(&deliverer), others);
    assert_eq!(delivered.delivered, 40);
    assert!(delivered.failed > 0);
    // What ended its requests was the end of it, and not the time that it may take: nobody has waited for that.
    let (error, _) = known(&deliverer.app, slow).await;
    assert!(error.as_deref().is_some_and(|error| error != "timeout"), "{error:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn when_its_time_is_up_it_takes_nothing_more_and_says_so(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut receiver = Receiver::start(&[KEY]).await;
    let (deliverer, _) = deliverer(options).await;
    webhook(&deliverer.app, &receiver.url("/")).await;
    queued(&deliverer.app).await;
    let (delivered, result) = deliver(&deliverer, Instant::now()).await;
    result.unwrap();
    assert_eq!((delivered.delivered, delivered.failed, delivered.unfinished), (0, 0, true));
    // It was not taken either: the next one need not wait until it is due again.
    assert_eq!(invoke(&deliverer).await, counts(1, 0));
    assert_eq!(receiver.seen().await["valid"], true);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_log_has_ids_and_neither_secrets_nor_urls(_pool: PgPoolOptions, options: PgConnectOptions) {
    let receiver = Receiver::start(&[KEY]).await;
    let (deliverer, _) = deliverer(options).await;
    let id = webhook(&deliverer.app, &receiver.url("/500")).await;
    queued(&deliverer.app).await;
    let (log, guard) = captured_log();
    crate::answer(&deliverer, Instant::now() + Duration::from_secs(60)).await.unwrap();
    drop(guard);
    let lines = log.lines_about("an event was not delivered");
    assert_eq!((lines[0]["listener.id"].clone(), lines[0]["error"].clone()), (json!(id), json!("http_500")));
    assert_eq!(log.lines_about("delivered").last().unwrap()["failed"], 1);
    // At DEBUG, libraries say which host they connect to.
    let text = log.text();
    let ours: Vec<_> = text.lines().filter(|line| !line.contains(r#""level":"DEBUG""#)).collect();
    for secret in [KEY, "127.0.0.1", "/500", "\"hooks\""] {
        assert!(!ours.iter().any(|line| line.contains(secret)), "{secret}: {ours:?}");
    }
}
