//! The sweep on a database with the demo data, and a queue of its own on a real SQS.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

mod chain;
mod stages;
mod walk;

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use runplane::app::App;
use runplane::dag::ParamsCache;
use runplane::db::{Db, Plans, Pooler};
use runplane::dispatch::Dispatcher;
use runplane::runs::{self, RunStatus, WaitingReason};
use runplane::scope::Scope;
use runplane::testing::{app, check_settings, execute, measured};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::{Uuid, uuid};

use crate::FUNCTION;
use crate::asked::Asked;
use crate::retention::Bookmark;
use crate::sweep::{Limits, Swept, sweep};

const TENANT: Uuid = uuid!("580115b4-a291-4917-8dbd-247cfa13e2d6");
const VERSION: Uuid = uuid!("b31dbeba-3a2e-4fa9-a084-72c75f9f18a3");
const HELD_RUN: Uuid = uuid!("0199e0c0-0000-7000-8000-0000000000bb");

/// A queue that nobody else uses.
struct Queue {
    sqs: aws_sdk_sqs::Client,
    url: String,
}

impl Queue {
    async fn new() -> Self {
        let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        let sqs = aws_sdk_sqs::Client::new(&config);
        let created = sqs.create_queue().queue_name(format!("t-{}", Uuid::now_v7())).send().await.unwrap();
        Self { sqs, url: created.queue_url.unwrap() }
    }

    /// How many messages are in it, those that wait for their delay among them.
    async fn messages(&self) -> u64 {
        use QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed};
        let names = [ApproximateNumberOfMessages, ApproximateNumberOfMessagesDelayed];
        let ask = self.sqs.get_queue_attributes().queue_url(&self.url);
        let answer = ask.set_attribute_names(Some(names.to_vec())).send().await.unwrap();
        answer.attributes().unwrap().values().map(|number| number.parse::<u64>().unwrap()).sum()
    }

    async fn remove(self) {
        self.sqs.delete_queue().queue_url(self.url).send().await.unwrap();
    }
}

/// The sweep's app, with the queue at `url`.
async fn app_with(options: PgConnectOptions, sqs: &aws_sdk_sqs::Client, url: &str) -> App {
    // Loads the demo data.
    app(options.clone(), FUNCTION).await;
    let dispatcher = Dispatcher::new(FUNCTION, sqs.clone(), url.to_owned());
    App::new(FUNCTION, Db::new(options, Plans::Generic, Pooler::None), Some(dispatcher))
}

/// `count` push runs of the demo tenant, changed by hand.
async fn runs(app: &App, count: i32, set: &'static str) {
    let insert = sqlx::query(
        "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch_due_at)
         select ids.id, ids.id, $1, v.pipeline_id, v.id, now()
         from (select uuidv7() as id from generate_series(1, $3)) ids, pipeline_versions v where v.id = $2",
    );
    execute(app, insert.bind(TENANT).bind(VERSION).bind(count)).await;
    if !set.is_empty() {
        let sql = sqlx::AssertSqlSafe(format!("update pipeline_runs set {set} where tenant_id = $1"));
        execute(app, sqlx::query(sql).bind(TENANT)).await;
    }
}

fn limits() -> Limits {
    Limits { until: Instant::now() + Duration::from_secs(60), retention_days: 90 }
}

async fn swept(app: &App, scope: Scope, limits: Limits) -> Swept {
    let (swept, result) = sweep(app, scope, limits, &Bookmark::default()).await;
    result.unwrap();
    swept
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn everything_that_is_due_is_done_in_batches_and_then_nothing(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &queue.url).await;
    runs(&app, 250, "").await;
    let expire = "update pipeline_runs set lease_expires_at = now() - interval '1 s' where id = $1";
    execute(&app, sqlx::query(expire).bind(HELD_RUN)).await;
    let late = "update pipeline_runs set start_by = now() where id = (select id from pipeline_runs where dispatch = 'push' limit 1)";
    execute(&app, sqlx::query(late)).await;
    let old = "update pipeline_runs set created_at = now() - interval '91 days', finished_at = now() - interval '91 days'
               where finished_at is not null";
    execute(&app, sqlx::query(old)).await;

    measured(&app);
    let did = swept(&app, Scope::All, limits()).await;
    let expected =
        [("LeasesLost", 0.0), ("ListenersFailing", 0.0), ("OldestEvent", 1.0), ("OldestQueued", 1.0)].into();
    assert_eq!(measured(&app), expected, "before it has swept");
    let expected = Swept { requeued: 1, expired: 1, dispatched: 249, deleted: 1, ..Swept::default() };
    assert_eq!(did, expected);
    assert_eq!(queue.messages().await, 249);
    assert_eq!(swept(&app, Scope::All, limits()).await, Swept::default());
    assert_eq!(measured(&app)["LeasesLost"], 1.0);
    did.note(&app.metrics);
    let noted = measured(&app);
    assert_eq!((noted["LeasesRequeued"], noted["RunsDispatched"], noted["LeasesFailed"]), (1.0, 249.0, 0.0));
    queue.remove().await;
}

/// `count` schedules of the demo tenant that are due, the first the longest.
async fn schedules(app: &App, count: i32, cron: &'static str) {
    let insert = sqlx::query(
        "insert into schedules (id, tenant_id, name, pipeline_id, pipeline_version_id, cron, time_zone, missed_runs, next_due_at)
         select uuidv7(), $1, 's' || n, v.pipeline_id, v.id, $4, 'UTC', 'all', date_trunc('minute', now()) - n * interval '1 h'
         from pipeline_versions v, generate_series(1, $3) n where v.id = $2",
    );
    execute(app, insert.bind(TENANT).bind(VERSION).bind(count).bind(cron)).await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_a_schedule_creates_is_sent_by_the_same_sweep(_pool: PgPoolOptions, options: PgConnectOptions) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &queue.url).await;
    // More than a batch, and one of them cannot.
    schedules(&app, 120, "0 0 1 1 *").await;
    let spoil = "update schedules set cron = 'never' where name = 's7'";
    execute(&app, sqlx::query(spoil)).await;
    measured(&app);
    let did = swept(&app, Scope::All, limits()).await;
    let expected = Swept { scheduled: 119, schedule_errors: 1, dispatched: 119, ..Swept::default() };
    assert_eq!(did, expected);
    assert_eq!(queue.messages().await, 119);
    did.note(&app.metrics);
    let noted = measured(&app);
    assert_eq!((noted["RunsScheduled"], noted["RunsCreated"], noted["ScheduleErrors"]), (119.0, 119.0, 1.0));
    assert_eq!(swept(&app, Scope::All, limits()).await, Swept::default(), "each once");
    queue.remove().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_schedule_with_much_to_make_up_for_creates_a_hundred_runs_with_each_sweep(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    app(options.clone(), FUNCTION).await;
    let app = App::new(FUNCTION, Db::new(options, Plans::Generic, Pooler::None), None);
    schedules(&app, 3, "* * * * *").await;
    // Due for an hour, two, and three.
    let first = swept(&app, Scope::All, limits()).await.scheduled;
    assert!((61 + 100 + 100..=62 + 100 + 100).contains(&first), "{first}");
    let second = swept(&app, Scope::All, limits()).await.scheduled;
    // A minute or two may have ended since.
    assert!((21 + 81..=21 + 81 + 6).contains(&second), "{second}");
    let again = "update schedules set next_due_at = date_trunc('minute', now()) where not paused";
    execute(&app, sqlx::query(again)).await;
    let stopped = swept(&app, Scope::All, Limits { until: Instant::now(), ..limits() }).await;
    assert_eq!((stopped.scheduled, stopped.unfinished), (0, true), "there is no time for it");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_sweep_of_one_tenant_leaves_the_schedules_of_others_alone(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    app(options.clone(), FUNCTION).await;
    let app = App::new(FUNCTION, Db::new(options, Plans::Generic, Pooler::None), None);
    schedules(&app, 2, "0 0 1 1 *").await;
    let other = Scope::Tenant(uuid!("0199e0c0-0000-7000-8000-000000000002"));
    assert_eq!(swept(&app, other, limits()).await, Swept::default());
    assert_eq!(swept(&app, Scope::Tenant(TENANT), limits()).await.scheduled, 2);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_sweep_whose_time_is_over_stops_between_batches_and_says_so(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &queue.url).await;
    runs(&app, 250, "").await;
    let did = swept(&app, Scope::All, Limits { until: Instant::now(), ..limits() }).await;
    assert_eq!((did.dispatched, did.unfinished), (100, true));
    queue.remove().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_sweep_of_one_tenant_leaves_the_others_alone(_pool: PgPoolOptions, options: PgConnectOptions) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &queue.url).await;
    runs(&app, 3, "").await;
    let other = Scope::Tenant(uuid!("0199e0c0-0000-7000-8000-000000000002"));
    assert_eq!(swept(&app, other, limits()).await, Swept::default());
    assert_eq!(swept(&app, Scope::Tenant(TENANT), limits()).await.dispatched, 3);
    queue.remove().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_sqs_does_not_take_stays_due_and_the_rest_of_the_sweep_goes_on(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &format!("{}-gone", queue.url)).await;
    runs(&app, 3, "").await;
    let expire = "update pipeline_runs set lease_expires_at = now() - interval '1 s' where id = $1";
    execute(&app, sqlx::query(expire).bind(HELD_RUN)).await;
    assert_eq!(swept(&app, Scope::All, limits()).await, Swept { requeued: 1, ..Swept::default() });
    let due = "update pipeline_runs set priority = 5 where dispatch_due_at <= now()";
    assert_eq!(execute(&app, sqlx::query(due)).await, 3);
    queue.remove().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_long_backlog_is_no_flood(_pool: PgPoolOptions, options: PgConnectOptions) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &queue.url).await;
    // Two thousand runs that nobody has claimed since SQS was told, and 990 of their messages still in the queue.
    runs(&app, 2000, "dispatch_due_at = null, dispatches = 1, redispatch_at = now() - interval '1 s'").await;
    for _ in 0..99 {
        let entry = |n: i32| {
            let entry = SendMessageBatchRequestEntry::builder().id(n.to_string()).message_body("x");
            entry.message_group_id("g").build().unwrap()
        };
        let send = queue.sqs.send_message_batch().queue_url(&queue.url);
        send.set_entries(Some((0..10).map(entry).collect())).send().await.unwrap();
    }
    let did = swept(&app, Scope::All, limits()).await;
    assert_eq!((did.redispatched, did.dispatched), (10, 10));
    // The queue is full now: it waits for workers, not for more messages.
    for _ in 0..3 {
        assert_eq!(swept(&app, Scope::All, limits()).await, Swept::default());
    }
    assert_eq!(queue.messages().await, 1000);
    queue.remove().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_delayed_run_is_told_to_sqs_in_time_with_the_rest_of_its_delay(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &queue.url).await;
    let soon = "available_at = now() + interval '40 s', dispatch_due_at = now() + interval '40 s'";
    runs(&app, 1, soon).await;
    assert_eq!(swept(&app, Scope::All, limits()).await.dispatched, 1);
    // It waits for its delay: nobody can receive it yet.
    assert_eq!(queue.messages().await, 1);
    let ask = queue.sqs.receive_message().queue_url(&queue.url).send().await.unwrap();
    assert!(ask.messages.unwrap_or_default().is_empty());
    queue.remove().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_belongs_to_an_old_run_is_deleted_in_portions_before_it(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &queue.url).await;
    let old = "update pipeline_runs set created_at = now() - interval '91 days', finished_at = now() - interval '91 days'
               where finished_at is not null";
    assert_eq!(execute(&app, sqlx::query(old)).await, 1);
    let lines = "insert into run_logs (run_id, id, tenant_id, level, message)
                 select r.id, uuidv7(), r.tenant_id, 'info', 'm' from pipeline_runs r, generate_series(1, 25000) where r.finished_at is not null";
    execute(&app, sqlx::query(lines)).await;
    let left = async || {
        app.call(async |conn| {
            sqlx::query_scalar::<_, i64>("select count(*) from run_logs").fetch_one(conn).await
        })
        .await
    };
    let did = swept(&app, Scope::All, Limits { until: Instant::now(), ..limits() }).await;
    assert_eq!((did.deleted, did.unfinished, left().await.unwrap()), (0, true, 15_000));
    assert_eq!(swept(&app, Scope::All, limits()).await.deleted, 1);
    assert_eq!(left().await.unwrap(), 0);
    queue.remove().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn with_retention_0_nothing_is_deleted(_pool: PgPoolOptions, options: PgConnectOptions) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &queue.url).await;
    let old = "update pipeline_runs set created_at = now() - interval '10 years', finished_at = now() - interval '10 years'
               where finished_at is not null";
    execute(&app, sqlx::query(old)).await;
    let for_ever = Limits { retention_days: 0, ..limits() };
    assert_eq!(swept(&app, Scope::All, for_ever).await, Swept::default());
    queue.remove().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_that_was_sent_says_that_it_waits_for_a_worker(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &queue.url).await;
    let request = serde_json::json!({"tenant_id": TENANT, "pipeline_version_id": VERSION});
    let request = serde_json::from_value(request).unwrap();
    let run = app
        .call(async |conn| runs::create(conn, &ParamsCache::default(), &request, None).await)
        .await
        .unwrap()
        .run;
    let reason = async || {
        let details = app.call(async |conn| runs::get(conn, Scope::All, run.id).await).await.unwrap();
        assert_eq!(details.run.status, RunStatus::Queued);
        details.waiting_for.unwrap().reason
    };
    // As after a create that died between its commit and SQS.
    assert_eq!(reason().await, WaitingReason::Dispatch);
    swept(&app, Scope::All, limits()).await;
    assert_eq!(reason().await, WaitingReason::Worker);
    queue.remove().await;
}

#[test]
fn the_event_of_the_schedule_and_of_an_operator_is_read() {
    let read = |event: &str| Asked::of(serde_json::from_str(event).unwrap(), Duration::ZERO);
    let operator = include_str!("../../../events/sweep.json");
    let tenant = uuid!("0199e0c0-0000-7000-8000-000000000002");
    assert_eq!(read(operator).unwrap(), Asked::Sweep(Scope::Tenant(tenant)));
    for schedule in ["{}", r#"{"version": "0", "detail-type": "Scheduled Event"}"#, "null", r#""text""#] {
        assert_eq!(read(schedule).unwrap(), Asked::Sweep(Scope::All), "{schedule}");
    }
    let messages = include_str!("../../../events/sweep.armed.json");
    assert_eq!(read(messages).unwrap(), Asked::Armed);
    assert!(read(r#"{"tenant_id": "x"}"#).is_err(), "a typing error must not sweep everybody");
}

#[tokio::test]
async fn the_sweep_reads_the_settings_that_the_table_lists_for_it() {
    check_settings(FUNCTION, crate::Sweeper::from_settings).await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn old_runs_that_have_to_stay_are_walked_past_once_over_several_sweeps(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    app(options.clone(), FUNCTION).await;
    let app = App::new(FUNCTION, Db::new(options, Plans::Generic, Pooler::None), None);
    // More than one sweep walks past in vain, and behind them one that may go.
    runs(&app, 6_000, "created_at = now() - interval '92 days'").await;
    let old = "update pipeline_runs set created_at = now() - interval '91 days', finished_at = now() - interval '91 days'
               where finished_at is not null";
    assert_eq!(execute(&app, sqlx::query(old)).await, 1);
    let bookmark = Bookmark::default();
    let mut deleted = Vec::new();
    for _ in 0..3 {
        let (swept, result) = sweep(&app, Scope::All, limits(), &bookmark).await;
        result.unwrap();
        assert!(!swept.unfinished, "{swept:?}");
        deleted.push(swept.deleted);
    }
    assert_eq!(deleted, [0, 1, 0], "the second sweep goes on where the first one stopped");

    // Without a bookmark it begins with the oldest again, and gives up at the same place.
    execute(&app, sqlx::query("update pipeline_runs set status = 'CANCELLED', finished_at = created_at, dispatch_due_at = null where id = (select id from pipeline_runs where dispatch = 'push' order by id desc limit 1)")).await;
    let mut fresh = Vec::new();
    for _ in 0..2 {
        fresh.push(sweep(&app, Scope::All, limits(), &Bookmark::default()).await.0.deleted);
    }
    assert_eq!(fresh, [0, 0]);
}
