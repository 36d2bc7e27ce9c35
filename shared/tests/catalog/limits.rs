//! A tenant has so many webhooks and schedules and no more, whoever makes them.

use runplane::catalog::{
    self, CreateScheduleError, CreateWebhookError, MAX_SCHEDULES, MAX_WEBHOOKS, VersionStatus,
};
use runplane::dag::ParamsCache;
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};
use uuid::Uuid;

use crate::races::somebody_waits;
use crate::support::{Conn, World, request, world};

/// What there is a limit to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Webhook,
    Schedule,
}

const KINDS: [Kind; 2] = [Kind::Webhook, Kind::Schedule];

#[derive(Debug, PartialEq, Eq)]
enum Refused {
    LimitReached,
    NameTaken,
}

impl Kind {
    const fn most(self) -> usize {
        match self {
            Self::Webhook => MAX_WEBHOOKS,
            Self::Schedule => MAX_SCHEDULES,
        }
    }

    /// One of this name, as a client makes it.
    async fn create(self, conn: &mut PgConnection, world: World, name: &str) -> Result<(), Refused> {
        let tenant = world.tenant;
        match self {
            Self::Webhook => {
                let body = json!({"tenant_id": tenant, "name": name, "url": "https://x.example/", "secret_ref": "s"});
                match catalog::create_webhook(conn, &request(body)).await {
                    Ok(_) => Ok(()),
                    Err(CreateWebhookError::LimitReached) => Err(Refused::LimitReached),
                    Err(CreateWebhookError::NameTaken) => Err(Refused::NameTaken),
                    Err(error) => panic!("{error}"),
                }
            }
            Self::Schedule => {
                let body = json!({"tenant_id": tenant, "name": name, "pipeline_id": world.pipeline, "cron": "0 0 1 1 *"});
                match catalog::create_schedule(conn, &ParamsCache::default(), &request(body)).await {
                    Ok(_) => Ok(()),
                    Err(CreateScheduleError::LimitReached) => Err(Refused::LimitReached),
                    Err(CreateScheduleError::NameTaken) => Err(Refused::NameTaken),
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// So many, written in SQL.
    async fn write(self, conn: &mut PgConnection, world: World, count: usize) -> Result<(), sqlx::Error> {
        let sql = match self {
            Self::Webhook => {
                "insert into listeners (id, tenant_id, name, url, secret_ref, pipeline_id)
                 select uuidv7(), $1, 'n' || uuidv7(), 'https://x.example/', 's', $2 from generate_series(1, $3)"
            }
            Self::Schedule => {
                "insert into schedules (id, tenant_id, name, pipeline_id, cron, time_zone, missed_runs)
                 select uuidv7(), $1, 'n' || uuidv7(), $2, '0 0 1 1 *', 'UTC', 'latest' from generate_series(1, $3)"
            }
        };
        let count = i32::try_from(count).unwrap();
        sqlx::query(sql).bind(world.tenant).bind(world.pipeline).bind(count).execute(conn).await.map(drop)
    }

    async fn count(self, conn: &mut PgConnection, tenant: Uuid) -> usize {
        let sql = match self {
            Self::Webhook => "select count(*) from listeners where tenant_id = $1",
            Self::Schedule => "select count(*) from schedules where tenant_id = $1",
        };
        let count: i64 = sqlx::query_scalar(sql).bind(tenant).fetch_one(conn).await.unwrap();
        usize::try_from(count).unwrap()
    }
}

/// A tenant that has one less than it may, one of them of this name.
async fn nearly_full(conn: &mut PgConnection, kind: Kind) -> World {
    let world = world(conn).await;
    world.version_in(conn, VersionStatus::Approved).await;
    kind.create(conn, world, "first").await.unwrap();
    kind.write(conn, world, kind.most() - 2).await.unwrap();
    world
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn one_more_than_a_tenant_may_have_is_refused(mut conn: Conn) {
    for kind in KINDS {
        let world = nearly_full(&mut conn, kind).await;
        kind.create(&mut conn, world, "last").await.unwrap();
        assert_eq!(kind.create(&mut conn, world, "more").await, Err(Refused::LimitReached), "{kind:?}");
        assert_eq!(kind.create(&mut conn, world, "first").await, Err(Refused::NameTaken), "{kind:?}");
        assert_eq!(kind.count(&mut conn, world.tenant).await, kind.most(), "{kind:?}");
        // Others are not asked about, and where one goes there is room.
        nearly_full(&mut conn, kind).await;
        for table in ["listeners", "schedules"] {
            let delete = format!("delete from {table} where tenant_id = $1 and name = 'last'");
            sqlx::query(sqlx::AssertSqlSafe(delete)).bind(world.tenant).execute(&mut *conn).await.unwrap();
        }
        kind.create(&mut conn, world, "more").await.unwrap();
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn sql_may_write_no_more_either(mut conn: Conn) {
    for (kind, table, limit) in [
        (Kind::Webhook, "listeners", "webhooks_per_tenant"),
        (Kind::Schedule, "schedules", "schedules_per_tenant"),
    ] {
        let refused = |done: Result<(), sqlx::Error>| {
            let error = done.unwrap_err();
            assert_eq!(error.as_database_error().unwrap().constraint(), Some(limit), "{error}");
        };
        let world = nearly_full(&mut conn, kind).await;
        refused(kind.write(&mut conn, world, 2).await);
        kind.write(&mut conn, world, 1).await.unwrap();
        // One more for each of several tenants, of whom one is full.
        let other = nearly_full(&mut conn, kind).await;
        let copies = format!(
            "insert into {table} select (jsonb_populate_record(x, jsonb_build_object('id', uuidv7(), 'name', 'copy'))).*
             from {table} x where x.name = 'first' and x.tenant_id = any ($1)"
        );
        for (tenants, fits) in [([world.tenant, other.tenant], false), ([other.tenant; 2], true)] {
            let copied = sqlx::query(sqlx::AssertSqlSafe(copies.as_str())).bind(tenants.to_vec());
            let copied = copied.execute(&mut *conn).await.map(drop);
            if fits { copied.unwrap() } else { refused(copied) }
        }
        for tenant in [world.tenant, other.tenant] {
            assert_eq!(kind.count(&mut conn, tenant).await, kind.most(), "{kind:?}");
        }
    }
    // The bus is nobody's.
    runplane::events::keep_bus(&mut conn, true).await.unwrap();
}

/// Two at once, where there is room for one: the second waits for the first, and has its place only if that is taken back.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn of_two_at_once_one_is_refused(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut conn = options.connect().await.unwrap();
    for kind in KINDS {
        let world = nearly_full(&mut conn, kind).await;
        for (commits, expected) in [(false, Ok(())), (true, Err(Refused::LimitReached))] {
            let (mut first, mut second) =
                (options.connect().await.unwrap(), options.connect().await.unwrap());
            let mut creating = first.begin().await.unwrap();
            kind.create(&mut creating, world, "a").await.unwrap();
            let other = tokio::spawn(async move {
                let mut creating = second.begin().await.unwrap();
                let created = kind.create(&mut creating, world, "b").await;
                // It goes again, so that there is room for one next time, too.
                creating.rollback().await.unwrap();
                created
            });
            somebody_waits(&mut conn).await;
            if commits {
                creating.commit().await.unwrap()
            } else {
                creating.rollback().await.unwrap()
            }
            assert_eq!(other.await.unwrap(), expected, "{kind:?}");
        }
        assert_eq!(kind.count(&mut conn, world.tenant).await, kind.most(), "{kind:?}");
    }
}

/// Neither creating nor claiming runs waits for somebody who makes a webhook.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn runs_do_not_wait_for_it(_pool: PgPoolOptions, options: PgConnectOptions) {
    let (mut one, mut other) = (options.connect().await.unwrap(), options.connect().await.unwrap());
    let world = world(&mut one).await;
    let version = world.version_in(&mut one, VersionStatus::Approved).await;
    let mut creating = one.begin().await.unwrap();
    Kind::Webhook.create(&mut creating, world, "w").await.unwrap();
    sqlx::raw_sql("set lock_timeout = '100ms'").execute(&mut other).await.unwrap();
    let wanted = request(json!({"tenant_id": world.tenant, "pipeline_version_id": version}));
    runplane::runs::create(&mut other, &ParamsCache::default(), &wanted, None).await.unwrap();
    let options = runplane::runs::ClaimOptions {
        worker: "w",
        queues: None,
        lease_seconds: 300,
        claim_id: None,
        max_runs: 1,
        pushed_only: false,
    };
    let scope = runplane::scope::Scope::Tenant(world.tenant);
    let claimed = runplane::runs::claim(&mut other, scope, &Default::default(), options).await.unwrap();
    assert_eq!(claimed.claims.len(), 1);
    creating.rollback().await.unwrap();
}
