//! A connection that may only read.

use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::Db;

#[sqlx::test(migrations = false)]
async fn a_connection_that_may_only_read_writes_nothing_whatever_the_statement(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let db = Db::new(options).read_only();
    db.setup(
        "create table t (id int);
         create sequence s;
         create function write() returns int language sql as 'insert into t values (1) returning id';
         create function open_and_write() returns void language plpgsql as $$
         begin
             perform set_config('transaction_read_only', 'off', false);
             insert into t values (1);
         end $$;
         create procedure commit_and_write() language plpgsql as $$
         begin
             commit;
             insert into t values (1);
         end $$",
    )
    .await;
    for statement in [
        "insert into t values (1)",
        "insert into t values (1) returning id",
        "select write()",
        "select open_and_write()",
        "call commit_and_write()",
        "with w as (insert into t values (1) returning id) select * from w",
        "set transaction read write",
        "select set_config('transaction_read_only', 'off', false)",
        "select set_config('transaction_read_only', 'off', true), write()",
        "do $$ begin set transaction read write; insert into t values (1); end $$",
        "do $$ begin commit; insert into t values (1); end $$",
        "do $$ begin rollback; set transaction read write; insert into t values (1); end $$",
        "explain analyze insert into t values (1)",
        "create table u ()",
        "create table u as select 1",
        "select nextval('s')",
        "truncate t",
        "vacuum t",
        "select * from t for update",
    ] {
        let failure = db.failure(statement, json!([])).await;
        assert!(failure.error.starts_with("sql_2"), "{statement}: {failure}");
        assert!(!failure.passes, "{statement}: {failure}");
    }
    // These end the transaction and begin another, in which nothing follows, or change what the next one would be, which is no session's any more.
    for statement in [
        "commit",
        "commit and chain",
        "rollback",
        "set session characteristics as transaction read write",
        "set default_transaction_read_only = off",
        "set session_replication_role = replica",
    ] {
        // Whether or not it fails.
        let _ = db.call(json!({"statement": statement})).await;
        let failure = db.failure("insert into t values (1)", json!([])).await;
        assert_eq!(failure.error, "sql_25006", "after {statement}");
    }
    assert_eq!(db.rows("select * from t", json!([])).await, [] as [Value; 0]);
    assert_eq!(db.value("select to_regclass('u') is null", json!([])).await, json!(true));
}

#[sqlx::test(migrations = false)]
async fn a_connection_that_may_only_read_reads(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options).read_only();
    db.setup("create table t as select n as id from generate_series(1, 3) n").await;
    let rows =
        db.rows("select id from t where id <> any($1) and $2::date is not null", json!([[], "2026-01-01"]));
    assert_eq!(rows.await, [] as [Value; 0]);
    assert_eq!(db.value("select sum(id) from t", json!([])).await, json!(6));
    assert_eq!(
        db.call(json!({"statement": "listen c"})).await.map_err(|failure| failure.error),
        Ok(json!({"rows": [], "row_count": 0}))
    );
}
