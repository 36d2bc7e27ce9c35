//! One sweep has the next one come, and nothing does where nothing is in flight.

use runplane::arm::{Arm, Bell};
use runplane::testing::Sqs;
use serde_json::Value;

use super::*;
use crate::Sweeper;

/// A sweeper with an SQS of its own for the sweep's queue and that of what delivers events. On the demo data, of which nothing is left to do.
async fn sweeper(options: PgConnectOptions, sqs: &Sqs) -> Sweeper {
    app(options.clone(), FUNCTION).await;
    let sweeper = with(App::new(FUNCTION, Db::new(options, Plans::Generic, Pooler::None), None), sqs);
    let end = "update pipeline_runs set status = 'CANCELLED', finished_at = now(), dispatch_due_at = null, redispatch_at = null,
               lease_expires_at = null where finished_at is null";
    execute(&sweeper.app, sqlx::query(end)).await;
    execute(&sweeper.app, sqlx::query("delete from schedules")).await;
    sweeper
}

fn with(app: App, sqs: &Sqs) -> Sweeper {
    let bell = |name| Bell::new(sqs.client(), sqs.queue_url(name));
    Sweeper {
        app: app.with_arm(Arm::new(bell("sweep.fifo"))),
        deliver: Some(bell("deliver.fifo")),
        retention_days: 90,
        bookmark: Bookmark::default(),
    }
}

/// What is sent because of this: queue and message.
async fn sent(sweeper: &Sweeper, sqs: &Sqs, asked: Asked) -> Vec<(String, String)> {
    crate::answer(sweeper, asked, limits()).await.unwrap();
    messages(sqs)
}

fn messages(sqs: &Sqs) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let message = |request: &Value| {
        let queue = text(&request["QueueUrl"]).rsplit('/').next().unwrap().to_owned();
        (queue, text(&request["MessageBody"]))
    };
    sqs.requests().iter().map(message).collect()
}

fn armed() -> Vec<(String, String)> {
    vec![("sweep.fifo".to_owned(), "{}".to_owned())]
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_chain_goes_on_while_a_run_is_in_flight_and_ends_with_it(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let sqs = Sqs::start().await;
    let sweeper = sweeper(options, &sqs).await;
    for asked in [Asked::Armed, Asked::Sweep(Scope::All)] {
        assert_eq!(sent(&sweeper, &sqs, asked).await, [], "nothing is in flight");
    }
    // QUEUED, and nobody claims it: somebody has to notice how long it waits.
    runs(&sweeper.app, 1, "dispatch = 'pull', dispatch_due_at = null").await;
    assert_eq!(sent(&sweeper, &sqs, Asked::Armed).await, armed());
    // RUNNING, with a lease that lasts for long: a heartbeat may make it shorter.
    let claim = "update pipeline_runs set status = 'RUNNING', claimed_by = 'w', claimed_at = now(), claim_count = 1, lease_seconds = 36000,
        lease_token = gen_random_uuid(), lease_expires_at = now() + interval '10 h', started_at = now() where status = 'QUEUED'";
    assert_eq!(execute(&sweeper.app, sqlx::query(claim)).await, 1);
    for asked in [Asked::Armed, Asked::Sweep(Scope::All)] {
        assert_eq!(sent(&sweeper, &sqs, asked).await, armed());
    }
    assert_eq!(
        sent(&sweeper, &sqs, Asked::Sweep(Scope::Tenant(TENANT))).await,
        [],
        "it knows one tenant's runs alone"
    );
    let end = "update pipeline_runs set status = 'SUCCEEDED', finished_at = now(), lease_expires_at = null where status = 'RUNNING'";
    assert_eq!(execute(&sweeper.app, sqlx::query(end)).await, 1);
    assert_eq!(sent(&sweeper, &sqs, Asked::Armed).await, [], "it has ended");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_whose_tenant_is_paused_has_nobody_come(_pool: PgPoolOptions, options: PgConnectOptions) {
    let sqs = Sqs::start().await;
    let sweeper = sweeper(options, &sqs).await;
    runs(&sweeper.app, 1, "dispatch = 'pull', dispatch_due_at = null").await;
    let pause =
        |paused| sqlx::query("update tenants set paused = $1 where id = $2").bind(paused).bind(TENANT);
    execute(&sweeper.app, pause(true)).await;
    assert_eq!(sent(&sweeper, &sqs, Asked::Armed).await, []);
    execute(&sweeper.app, pause(false)).await;
    assert_eq!(sent(&sweeper, &sqs, Asked::Armed).await, armed());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_is_due_in_twenty_minutes_is_a_relay_and_in_two_hours_the_hourly_sweeps(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let sqs = Sqs::start().await;
    let sweeper = sweeper(options, &sqs).await;
    let schedule = "insert into schedules (id, tenant_id, pipeline_id, name, cron, time_zone, missed_runs, next_due_at)
        select gen_random_uuid(), $1, v.pipeline_id, 'nightly', '0 3 * * *', 'UTC', 'skip', now() + interval '20 min' from pipeline_versions v where v.id = $2";
    execute(&sweeper.app, sqlx::query(schedule).bind(TENANT).bind(VERSION)).await;
    let now = runplane::arm::since_1970().as_secs();
    let relayed = sent(&sweeper, &sqs, Asked::Armed).await;
    let [(queue, body)] = relayed.as_slice() else { panic!("{relayed:?}") };
    let at = serde_json::from_str::<Value>(body).unwrap()["at"].as_u64().unwrap();
    assert_eq!(queue, "sweep.fifo");
    assert!((now + 1_200..=now + 1_260).contains(&at), "{at}, {now}");

    for (due, expected) in [("20 s", armed()), ("2 h", vec![])] {
        let change =
            sqlx::AssertSqlSafe(format!("update schedules set next_due_at = now() + interval '{due}'"));
        execute(&sweeper.app, sqlx::query(change)).await;
        assert_eq!(sent(&sweeper, &sqs, Asked::Armed).await, expected, "{due}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_event_that_is_due_has_somebody_deliver_it_and_the_sweep_look_again(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let sqs = Sqs::start().await;
    let sweeper = sweeper(options, &sqs).await;
    let listen =
        "insert into listeners (id, tenant_id, name, url, secret_ref) values ($1, $1, 'w', 'https://x', 's')";
    execute(&sweeper.app, sqlx::query(listen).bind(TENANT)).await;
    runs(&sweeper.app, 1, "dispatch = 'pull', dispatch_due_at = null, available_at = now() + interval '1 d'")
        .await;
    let deliver = ("deliver.fifo".to_owned(), "{}".to_owned());
    assert_eq!(sent(&sweeper, &sqs, Asked::Armed).await, [deliver, armed().remove(0)]);
    // It has failed, and is to be sent again.
    let later = "update deliveries set due_at = now() + interval '5 min'";
    execute(&sweeper.app, sqlx::query(later)).await;
    let relayed = sent(&sweeper, &sqs, Asked::Armed).await;
    assert!(relayed.len() == 1 && relayed[0].1.starts_with(r#"{"at":"#), "{relayed:?}");
    execute(&sweeper.app, sqlx::query("delete from deliveries")).await;
    assert_eq!(sent(&sweeper, &sqs, Asked::Armed).await, []);
}

/// Nobody listens there: a connection would be an error.
fn out_of_reach(sqs: &Sqs) -> Sweeper {
    let nowhere: PgConnectOptions = "postgres://nobody@127.0.0.1:1/none".parse().unwrap();
    with(App::new(FUNCTION, Db::new(nowhere, Plans::Generic, Pooler::None), None), sqs)
}

#[tokio::test]
async fn a_relay_is_sent_on_without_a_connection_to_postgres() {
    let sqs = Sqs::start().await;
    let sweeper = out_of_reach(&sqs);
    let relay = ("sweep.fifo".to_owned(), r#"{"at":1900000000}"#.to_owned());
    assert_eq!(sent(&sweeper, &sqs, Asked::SendOn(1_900_000_000)).await, [relay]);
    assert_eq!(measured(&sweeper.app), [].into(), "it is no sweep");
}

#[tokio::test]
async fn a_sweep_that_fails_has_itself_repeated_by_its_message_or_else_arms() {
    let sqs = Sqs::start().await;
    for (asked, expected) in [(Asked::Armed, vec![]), (Asked::Sweep(Scope::All), armed())] {
        let sweeper = out_of_reach(&sqs);
        let error = crate::answer(&sweeper, asked, limits()).await.unwrap_err();
        assert_eq!(error.to_string(), "Postgres is out of reach");
        assert_eq!(messages(&sqs), expected, "{asked:?}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_sweep_that_cannot_have_the_next_one_come_fails(_pool: PgPoolOptions, options: PgConnectOptions) {
    let sqs = Sqs::start().await;
    let sweeper = sweeper(options, &sqs).await;
    sqs.set_down(true);
    crate::answer(&sweeper, Asked::Armed, limits()).await.expect("nobody has to come");
    runs(&sweeper.app, 1, "dispatch = 'pull', dispatch_due_at = null").await;
    let error = crate::answer(&sweeper, Asked::Armed, limits()).await.unwrap_err();
    assert!(error.to_string().starts_with("the next sweep is not armed"), "{error}");
    assert!(crate::answer(&sweeper, Asked::SendOn(1_900_000_000), limits()).await.is_err());
}
