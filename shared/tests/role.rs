//! What the functions' role may do in the database, and what it may not: as the functions connect, in psql's place.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy.toml allows it only in functions marked as tests"
)]

use sqlx::{AssertSqlSafe, PgConnection};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

/// The SQLSTATE that the functions' role gets; None: it may.
async fn refusal(conn: &mut PgConnection, statement: &str) -> Option<String> {
    let all = format!("begin; set local role runplane_functions; {statement}");
    let result = sqlx::raw_sql(AssertSqlSafe(all)).execute(&mut *conn).await;
    sqlx::raw_sql("rollback").execute(conn).await.unwrap();
    let error = result.err()?;
    Some(error.as_database_error().unwrap().code().unwrap().into_owned())
}

/// Every table of ours.
async fn tables(conn: &mut PgConnection) -> Vec<String> {
    let all = "select tablename::text from pg_tables where schemaname = 'public' and tablename not like '\\_sqlx%' order by 1";
    let tables: Vec<String> = sqlx::query_scalar(all).fetch_all(conn).await.unwrap();
    assert!(tables.len() >= 17, "{tables:?}");
    tables
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn it_reads_every_table_and_changes_none(mut conn: Conn) {
    for table in tables(&mut conn).await {
        assert_eq!(refusal(&mut conn, &format!("select * from {table} limit 1")).await, None, "{table}");
        for change in [
            "alter table TABLE add column more text",
            "alter table TABLE disable trigger all",
            "alter table TABLE disable row level security",
            "alter table TABLE owner to runplane_functions",
            "create trigger mine before insert on TABLE for each row execute function suppress_redundant_updates_trigger()",
            "create index on TABLE ((1))",
            "drop table TABLE",
            "truncate TABLE",
        ] {
            let refused = refusal(&mut conn, &change.replace("TABLE", &table)).await;
            assert_eq!(refused.as_deref(), Some("42501"), "{change} {table}");
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn it_makes_nothing_and_becomes_nobody_else(mut conn: Conn) {
    for statement in [
        "create table mine (id int)",
        "create function mine() returns int language sql as 'select 1'",
        "create schema mine",
        "create extension pg_trgm",
        "create role mine",
        "alter role runplane_functions superuser",
        "set local session_replication_role = replica",
        "copy tenants to program 'true'",
        "drop function audit_log_stays cascade",
        "alter function audit_log_stays() rename to nothing",
    ] {
        let refused = refusal(&mut conn, statement).await;
        assert!(refused.is_some_and(|code| ["42501", "0A000"].contains(&code.as_str())), "{statement}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn it_adds_to_the_audit_and_takes_nothing_away(mut conn: Conn) {
    let add =
        "insert into audit_log (id, principal, request_id, action) values (gen_random_uuid(), 'p', 'r', 'a')";
    assert_eq!(refusal(&mut conn, add).await, None);
    for statement in ["update audit_log set action = 'b'", "delete from audit_log", "truncate audit_log"] {
        assert_eq!(refusal(&mut conn, statement).await.as_deref(), Some("42501"), "{statement}");
    }
}

/// Nor does whoever owns the table, by mistake.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_audit_refuses_its_owner_too(mut conn: Conn) {
    sqlx::raw_sql(
        "insert into audit_log (id, principal, request_id, action) values (gen_random_uuid(), 'p', 'r', 'a')",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    for statement in ["update audit_log set action = 'b'", "delete from audit_log", "truncate audit_log"] {
        let refused = sqlx::raw_sql(statement).execute(&mut *conn).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().message(), "audit_log is append-only", "{statement}");
    }
}
