//! What the functions of the release before do most, in its own words: a run from its creation to its end, by every way there is, and the sweep. What a
//! statement means cannot tell what the functions and triggers in the database do with it.
//!
//! The arguments are those of that release. When its statements are taken down and one of them has other arguments than before, this changes with it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, PgConnection, Postgres, Row as _};
use uuid::{Uuid, uuid};

use crate::statements::Release;

const TENANT: Uuid = uuid!("580115b4-a291-4917-8dbd-247cfa13e2d6");
const VERSION: Uuid = uuid!("b31dbeba-3a2e-4fa9-a084-72c75f9f18a3");
const NO_TIME: Option<DateTime<Utc>> = None;
const NO_ID: Option<Uuid> = None;
const NO_TEXT: Option<&str> = None;
const NO_JSON: Option<Value> = None;

/// Functions of the release before, and the database's owner, who moves time.
struct Functions {
    release: Release,
    conn: PgConnection,
    owner: PgConnection,
}

type Ask = Query<'static, Postgres, PgArguments>;

/// A value by the name that stands before what sqlx is told of it: `status!: RunStatus`.
fn value<'r, T>(row: &'r PgRow, name: &str) -> T
where
    T: sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    let found =
        row.columns().iter().position(|column| column.name().split(['!', '?', ':']).next() == Some(name));
    row.get(found.unwrap_or_else(|| panic!("no column {name}")))
}

impl Functions {
    async fn new(options: &PgConnectOptions) -> Self {
        let (mut conn, mut owner) = (options.connect().await.unwrap(), options.connect().await.unwrap());
        let demo = include_str!("../../../localstack/demo.sql");
        sqlx::raw_sql(demo).execute(&mut owner).await.unwrap();
        // The runs of the demo would be in the way.
        sqlx::raw_sql("delete from pipeline_runs").execute(&mut owner).await.unwrap();
        sqlx::raw_sql("set role runplane_functions").execute(&mut conn).await.unwrap();
        Self { release: Release::before(), conn, owner }
    }

    async fn ask(&mut self, file: &str, arguments: impl FnOnce(Ask) -> Ask) -> Vec<PgRow> {
        let asked = arguments(sqlx::query(AssertSqlSafe(self.release.sql(file).to_owned())));
        asked.fetch_all(&mut self.conn).await.unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// A statement about one run, as the run is then.
    async fn one(&mut self, file: &str, arguments: impl FnOnce(Ask) -> Ask) -> (Uuid, String) {
        let rows = self.ask(file, arguments).await;
        let [row] = rows.as_slice() else { panic!("{file}: {} rows", rows.len()) };
        (value(row, "id"), value(row, "status"))
    }

    async fn create(&mut self) -> Uuid {
        let (id, status) = self
            .one("create.sql", |ask| {
                ask.bind(Uuid::now_v7())
                    .bind(TENANT)
                    .bind(VERSION)
                    .bind("manual")
                    .bind(json!({"a": 1}))
                    .bind(NO_TEXT)
                    .bind(5_i16)
                    .bind(json!({}))
                    .bind("push")
                    .bind(NO_TIME)
                    .bind(2)
                    .bind(1)
                    .bind(NO_TEXT)
                    .bind(None::<Vec<u8>>)
                    .bind(NO_TIME)
                    .bind(NO_TEXT)
                    .bind(NO_JSON)
            })
            .await;
        assert_eq!(status, "QUEUED");
        id
    }

    /// The run that is next, and the token of its lease.
    async fn claim(&mut self) -> (Uuid, Uuid) {
        let rows = self
            .ask("claim.sql", |ask| {
                ask.bind(NO_ID)
                    .bind(None::<Vec<String>>)
                    .bind(false)
                    .bind("worker-1")
                    .bind(30)
                    .bind(NO_ID)
                    .bind(1)
                    .bind(32)
                    .bind(Uuid::nil())
                    .bind(NO_ID)
                    .bind(Vec::<Uuid>::new())
                    .bind(Vec::<Option<DateTime<Utc>>>::new())
                    .bind(Vec::<Option<Uuid>>::new())
                    .bind(true)
                    .bind(NO_TIME)
                    .bind(true)
            })
            .await;
        assert_eq!(value::<String>(&rows[0], "status"), "RUNNING");
        (value(&rows[0], "id"), value(&rows[0], "lease_token"))
    }

    /// A sweep's statement about all tenants, of so many runs at most.
    async fn sweep(&mut self, file: &str) -> Vec<PgRow> {
        self.ask(file, |ask| ask.bind(NO_ID).bind(100_i64)).await
    }

    async fn owner(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.owner).await.unwrap();
    }

    /// Status, attempt and lost leases, as the table has them.
    async fn is(&mut self, run: Uuid) -> (String, i32, i32) {
        let is = sqlx::query_as("select status, attempt, lost from pipeline_runs where id = $1").bind(run);
        is.fetch_one(&mut self.owner).await.unwrap()
    }
}

fn is(status: &str, attempt: i32, lost: i32) -> (String, i32, i32) {
    (status.to_owned(), attempt, lost)
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_goes_by_every_way_to_its_end(_: PgPoolOptions, options: PgConnectOptions) {
    let mut functions = Functions::new(&options).await;
    let run = functions.create().await;
    let due: DateTime<Utc> = sqlx::query_scalar("select dispatch_due_at from pipeline_runs where id = $1")
        .bind(run)
        .fetch_one(&mut functions.owner)
        .await
        .unwrap();
    functions.ask("mark_dispatched.sql", |ask| ask.bind(TENANT).bind(run).bind(due)).await;

    let (claimed, token) = functions.claim().await;
    assert_eq!(claimed, run);
    let beat = functions
        .ask("heartbeat.sql", |ask| ask.bind(NO_ID).bind(run).bind(token).bind(NO_TEXT).bind(None::<i32>))
        .await;
    assert_eq!((beat.len(), value::<Uuid>(&beat[0], "tenant_id")), (1, TENANT));
    // Another attempt follows.
    let failed = functions
        .one("fail.sql", |ask| {
            ask.bind(NO_ID).bind(run).bind(token).bind(true).bind(NO_JSON).bind("broke").bind("it broke")
        })
        .await;
    assert_eq!(failed, (run, "QUEUED".to_owned()));
    assert_eq!(functions.is(run).await, is("QUEUED", 2, 0));

    functions.owner("update pipeline_runs set available_at = now()").await;
    let (_, token) = functions.claim().await;
    let released =
        functions.one("release.sql", |ask| ask.bind(NO_ID).bind(run).bind(token).bind(NO_TIME)).await;
    assert_eq!(released, (run, "QUEUED".to_owned()));

    let (_, lost) = functions.claim().await;
    functions
        .owner("update pipeline_runs set lease_expires_at = now() - interval '1 s' where status = 'RUNNING'")
        .await;
    let swept = functions.sweep("sweep_leases.sql").await;
    assert_eq!((value::<i64>(&swept[0], "requeued"), value::<i64>(&swept[0], "failed")), (1, 0));
    assert_eq!(functions.is(run).await, is("QUEUED", 2, 1));

    let (_, token) = functions.claim().await;
    assert_ne!(token, lost);
    // The fence holds.
    let late = functions.ask("complete.sql", |ask| ask.bind(NO_ID).bind(run).bind(lost).bind(NO_JSON)).await;
    assert!(late.is_empty());
    let done = functions
        .one("complete.sql", |ask| ask.bind(NO_ID).bind(run).bind(token).bind(json!({"rows": 3})))
        .await;
    assert_eq!(done, (run, "SUCCEEDED".to_owned()));
    assert_eq!(functions.is(run).await, is("SUCCEEDED", 2, 1));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_is_cancelled_and_tried_again_and_given_up_in_the_end(
    _: PgPoolOptions,
    options: PgConnectOptions,
) {
    let mut functions = Functions::new(&options).await;
    let first = functions.create().await;
    let cancelled = functions.one("cancel.sql", |ask| ask.bind(NO_ID).bind(first).bind("not today")).await;
    assert_eq!(cancelled, (first, "CANCELLED".to_owned()));
    let (run, status) = functions
        .one("retry.sql", |ask| {
            ask.bind(Uuid::now_v7())
                .bind(NO_ID)
                .bind(first)
                .bind(NO_JSON)
                .bind(NO_ID)
                .bind(NO_TEXT)
                .bind(None::<Vec<u8>>)
                .bind(Vec::<String>::new())
                .bind(Vec::<bool>::new())
                .bind(Vec::<i32>::new())
                .bind(NO_JSON)
        })
        .await;
    assert_eq!(status, "QUEUED");
    // One lease more is lost than may be.
    for expected in [is("QUEUED", 1, 1), is("FAILED", 1, 1)] {
        assert_eq!(functions.claim().await.0, run);
        functions
            .owner(
                "update pipeline_runs set lease_expires_at = now() - interval '1 s' where status = 'RUNNING'",
            )
            .await;
        functions.sweep("sweep_leases.sql").await;
        assert_eq!(functions.is(run).await, expected);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_sweep_does_the_rest(_: PgPoolOptions, options: PgConnectOptions) {
    let mut functions = Functions::new(&options).await;
    let waiting = functions.create().await;
    functions.owner("update pipeline_runs set dispatch_due_at = now() - interval '1 min'").await;
    let taken = functions.sweep("take_dispatches.sql").await;
    assert_eq!(taken.iter().map(|row| value::<Uuid>(row, "id")).collect::<Vec<_>>(), [waiting]);
    functions.owner("update pipeline_runs set start_by = now() - interval '1 s'").await;
    functions.sweep("sweep_start_by.sql").await;
    assert_eq!(functions.is(waiting).await, is("CANCELLED", 1, 0));
    functions.owner("update workers set last_seen_at = now() - interval '30 days'").await;
    for file in ["sweep_parked.sql", "sweep_redispatches.sql", "sweep_workers.sql"] {
        functions.sweep(file).await;
    }
    let standing = functions.ask("sweep_standing.sql", |ask| ask).await;
    assert_eq!(value::<i64>(&standing[0], "leases_lost"), 0);

    functions
        .owner("update pipeline_runs set created_at = now() - interval '40 days', finished_at = now() - interval '40 days'")
        .await;
    functions
        .ask("sweep_evidence.sql", |ask| {
            ask.bind(NO_ID).bind(30).bind(100_i64).bind(NO_TIME).bind(NO_ID).bind(100_i64)
        })
        .await;
    let retained = functions
        .ask("sweep_retention.sql", |ask| ask.bind(NO_ID).bind(30).bind(100_i64).bind(NO_TIME).bind(NO_ID))
        .await;
    assert_eq!((value::<i64>(&retained[0], "walked"), value::<i64>(&retained[0], "deleted")), (1, 1));
}
