//! A stage that fails does not keep the others from what they have to do, and is seen.

use sqlx::AssertSqlSafe;

use super::*;

/// One of everything that a sweep finds to do, and nothing else.
async fn one_of_everything(app: &App) {
    for table in ["schedules", "workers", "pipeline_runs"] {
        execute(app, sqlx::query(AssertSqlSafe(format!("delete from {table}")))).await;
    }
    schedules(app, 1, "0 0 1 1 *").await;
    for set in [
        "status = 'RUNNING', started_at = now(), claim_count = 1, claimed_by = 'w', claimed_at = now(), lease_token = id,
         lease_seconds = 30, lease_expires_at = now() - interval '1 s'",
        "start_by = now()",
        "dispatch = 'push', dispatch_due_at = now()",
        "dispatch = 'push', dispatches = 1, redispatch_at = now() - interval '1 s'",
        "status = 'CANCELLED', created_at = now() - interval '91 days', finished_at = now() - interval '91 days'",
    ] {
        let id = Uuid::now_v7();
        let insert = sqlx::query(
            "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch)
             select $1, $1, $2, v.pipeline_id, v.id, 'pull' from pipeline_versions v where v.id = $3",
        );
        execute(app, insert.bind(id).bind(TENANT).bind(VERSION)).await;
        let set = AssertSqlSafe(format!("update pipeline_runs set {set} where id = $1"));
        execute(app, sqlx::query(set).bind(id)).await;
    }
    let worker = "insert into workers (worker_id, tenant_id, last_seen_at) values ('w', $1, now() - interval '8 days')";
    execute(app, sqlx::query(worker).bind(TENANT)).await;
}

/// What is done of it.
const EVERYTHING: Swept = Swept {
    requeued: 1,
    failed: 0,
    expired: 1,
    scheduled: 1,
    schedule_errors: 0,
    // Of the schedule's run too.
    dispatched: 3,
    redispatched: 1,
    undispatched: 0,
    parked: 0,
    deleted: 1,
    forgotten: 1,
    unfinished: false,
};

/// Lets Postgres do this instead of a change of a row: `when` is of a trigger.
async fn spoil(app: &App, when: &'static str, plpgsql: &'static str) {
    for sql in [
        format!(
            "create function spoil() returns trigger language plpgsql as $$ begin {plpgsql}; return new; end $$"
        ),
        format!("create trigger spoil before {when} execute function spoil()"),
    ] {
        execute(app, sqlx::query(AssertSqlSafe(sql))).await;
    }
}

async fn mend(app: &App) {
    execute(app, sqlx::query("drop function spoil cascade")).await;
}

/// How a sweep ends that Postgres refuses something: what it has done, and the code.
async fn refused(app: &App) -> (Swept, String) {
    let (swept, result) = sweep(app, Scope::All, limits(), &Bookmark::default()).await;
    let error = result.unwrap_err();
    (swept, error.as_database_error().unwrap().code().unwrap().into_owned())
}

/// As when each run that is QUEUED again has very many rows to write for it.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn leases_that_take_too_long_keep_nobody_from_schedules_and_dispatches(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &queue.url).await;
    one_of_everything(&app).await;
    spoil(
        &app,
        "update on pipeline_runs for each row when (old.status = 'RUNNING')",
        "perform pg_sleep(600)",
    )
    .await;
    let expected = Swept { requeued: 0, ..EVERYTHING };
    assert_eq!(refused(&app).await, (expected, "57014".to_owned()), "Postgres itself ends it");
    assert_eq!(queue.messages().await, 3);
    mend(&app).await;
    assert_eq!(swept(&app, Scope::All, limits()).await, Swept { requeued: 1, ..Swept::default() });
    queue.remove().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn whatever_stage_fails_the_others_go_on_and_the_sweep_has_failed(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &queue.url).await;
    one_of_everything(&app).await;
    assert_eq!(swept(&app, Scope::All, limits()).await, EVERYTHING);
    let all = EVERYTHING;
    for (when, expected) in [
        ("update on pipeline_runs for each row when (old.status = 'RUNNING')", Swept { requeued: 0, ..all }),
        ("update on pipeline_runs for each row when (new.status = 'CANCELLED')", Swept { expired: 0, ..all }),
        (
            "update on pipeline_runs for each row when (old.dispatch_due_at < new.dispatch_due_at)",
            Swept { dispatched: 0, ..all },
        ),
        (
            "update on pipeline_runs for each row when (old.redispatch_at is not null and new.redispatch_at is null)",
            Swept { redispatched: 0, dispatched: 2, ..all },
        ),
        ("delete on pipeline_runs for each row", Swept { deleted: 0, ..all }),
        ("delete on workers for each row", Swept { forgotten: 0, ..all }),
    ] {
        for (code, spoiled) in [
            ("57014", "raise exception 'too slow' using errcode = '57014'"),
            ("40P01", "raise exception 'a deadlock' using errcode = '40P01'"),
            ("23514", "raise exception 'never' using errcode = '23514'"),
        ] {
            one_of_everything(&app).await;
            spoil(&app, when, spoiled).await;
            assert_eq!(refused(&app).await, (expected, code.to_owned()), "{when}");
            mend(&app).await;
        }
    }
    queue.remove().await;
}

/// It has no other batch in this sweep: that would fail as well, and take as long.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_stage_that_has_failed_is_not_tried_again_by_the_same_sweep(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &queue.url).await;
    runs(&app, 250, "").await;
    let expire = "update pipeline_runs set lease_expires_at = now() - interval '1 s' where id = $1";
    execute(&app, sqlx::query(expire).bind(HELD_RUN)).await;
    execute(&app, sqlx::query("create sequence tries")).await;
    let counted = "perform nextval('tries'); raise exception 'too slow' using errcode = '57014'";
    spoil(&app, "update on pipeline_runs for each row when (old.status = 'RUNNING')", counted).await;
    let (did, _) = refused(&app).await;
    assert_eq!((did.requeued, did.dispatched), (0, 250), "in three rounds");
    let tries = async |conn: &mut sqlx::PgConnection| {
        sqlx::query_scalar::<_, i64>("select last_value from tries where is_called").fetch_one(conn).await
    };
    assert_eq!(app.call(tries).await.unwrap(), 1);
    queue.remove().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_schedule_that_takes_too_long_keeps_no_other_from_its_run(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    app(options.clone(), FUNCTION).await;
    let app = App::new(FUNCTION, Db::new(options, Plans::Generic, Pooler::None), None);
    schedules(&app, 3, "0 0 1 1 *").await;
    execute(&app, sqlx::query("update schedules set queue = 'slow' where name = 's2'")).await;
    let slow = "raise exception 'too slow' using errcode = '57014'";
    spoil(&app, "insert on pipeline_runs for each row when (new.queue = 'slow')", slow).await;
    let expected = Swept { scheduled: 2, schedule_errors: 1, ..Swept::default() };
    assert_eq!(swept(&app, Scope::All, limits()).await, expected);
    mend(&app).await;
    assert_eq!(swept(&app, Scope::All, limits()).await.scheduled, 1, "it has stayed due");
}

/// Nothing else can be done either.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_sweep_whose_postgres_is_gone_ends(_pool: PgPoolOptions, options: PgConnectOptions) {
    let queue = Queue::new().await;
    let app = app_with(options, &queue.sqs, &queue.url).await;
    one_of_everything(&app).await;
    let gone = "perform pg_terminate_backend(pg_backend_pid())";
    spoil(&app, "update on pipeline_runs for each row when (old.status = 'RUNNING')", gone).await;
    let (did, result) = sweep(&app, Scope::All, limits(), &Bookmark::default()).await;
    assert!(runplane::db::is_unavailable(&result.unwrap_err()));
    assert_eq!(did, Swept { redispatched: 1, ..Swept::default() });
    app.db.discard().await;
    mend(&app).await;
    assert_eq!(swept(&app, Scope::All, limits()).await, Swept { redispatched: 0, ..EVERYTHING });
    queue.remove().await;
}
