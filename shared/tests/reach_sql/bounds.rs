//! How much a statement may return, and what becomes of the one that returns more.

use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::Db;

#[sqlx::test(migrations = false)]
async fn too_many_rows_undo_the_statement(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    db.setup("create table t (id int)").await;
    let insert = |rows: usize| {
        let statement = "insert into t select generate_series(1, $1) returning id";
        json!({"statement": statement, "args": [rows], "max_rows": 10})
    };
    let failure = db.call(insert(11)).await.unwrap_err();
    assert_eq!(failure.to_string(), "too_many_rows: the statement returns more than 10 rows");
    assert_eq!(db.value("select count(*) from t", json!([])).await, json!(0));
    let failure = db.call(insert(2_000_000)).await.unwrap_err();
    assert_eq!(failure.error, "too_many_rows");
    assert_eq!(db.call(insert(10)).await.unwrap()["row_count"], json!(10));
    assert_eq!(db.value("select count(*) from t", json!([])).await, json!(10));
    // Without columns it returns none, however many it writes.
    let silent = json!({"statement": "insert into t select generate_series(1, 20)", "max_rows": 1});
    assert_eq!(db.call(silent).await.unwrap(), json!({"rows": [], "row_count": 20}));
}

#[sqlx::test(migrations = false)]
async fn too_many_bytes_undo_the_statement(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    db.setup("create table t (id int)").await;
    let statement = "insert into t select generate_series(1, $1) returning repeat('x', 1000) as v";
    let with = |rows: i32| json!({"statement": statement, "args": [rows], "max_rows": 10_000});
    assert_eq!(db.call(with(5000)).await.unwrap_err().error, "result_too_large");
    assert_eq!(db.value("select count(*) from t", json!([])).await, json!(0));
    assert_eq!(db.call(with(4900)).await.unwrap()["row_count"], json!(4900));
    // Each null costs as much as the name of its column.
    let nulls = format!("select null as {} from generate_series(1, 10000)", "n".repeat(60));
    assert_eq!(db.rows(&nulls, json!([])).await.len(), 10_000);
    let columns: Vec<_> = (0..10).map(|n| format!("null as {}{n}", "n".repeat(60))).collect();
    let nulls = format!("select {} from generate_series(1, 10000)", columns.join(", "));
    let failure = db.call(json!({"statement": nulls, "max_rows": 10_000})).await.unwrap_err();
    assert_eq!(failure.error, "result_too_large");
}

/// Small values take as much memory as large ones.
#[sqlx::test(migrations = false)]
async fn too_many_values_are_refused_however_small_they_are(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    let nulls = |columns: usize| {
        let columns: Vec<_> = (0..columns).map(|n| format!("null as c{n}")).collect();
        json!({"statement": format!("select {} from generate_series(1, 10000)", columns.join(", ")), "max_rows": 10_000})
    };
    let failure = db.call(nulls(101)).await.unwrap_err();
    assert_eq!(failure.to_string(), "result_too_large: the statement returns more than 1000000 values");
    assert_eq!(db.call(nulls(50)).await.unwrap()["row_count"], json!(10_000));
    for kind in ["json", "jsonb"] {
        let objects = |count: usize| json!({"statement": format!("select ('[' || repeat('{{\"a\":0}},', {count}) || '0]')::{kind} as v")});
        let failure = db.call(objects(160_000)).await.unwrap_err();
        let expected = "result_too_large: the statement returns more than 300000 values within json";
        assert_eq!(failure.to_string(), expected, "{kind}");
        assert_eq!(db.call(objects(100_000)).await.unwrap()["row_count"], json!(1), "{kind}");
    }
}

#[sqlx::test(migrations = false)]
async fn two_columns_of_one_name_are_told_before_the_statement_runs(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let db = Db::new(options);
    db.setup("create table t (id int)").await;
    let failure = db.failure("insert into t values (1) returning id, id", json!([])).await;
    assert_eq!(failure.to_string(), "duplicate_columns: two columns are named \"id\": name them with `as`");
    assert_eq!(db.value("select count(*) from t", json!([])).await, json!(0));
}

#[sqlx::test(migrations = false)]
async fn rows_are_counted_that_are_returned_or_affected(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    let count = async |statement: &str| {
        let result = db.call(json!({"statement": statement})).await;
        let result = result.unwrap_or_else(|failure| panic!("{statement}: {failure}"));
        (result["rows"].as_array().unwrap().len(), result["row_count"].as_u64().unwrap())
    };
    assert_eq!(count("create table t as select generate_series(1, 5) as id").await, (0, 5));
    assert_eq!(count("update t set id = id where id <= 3").await, (0, 3));
    assert_eq!(count("delete from t where id = 1 returning id").await, (1, 1));
    assert_eq!(count("select * from t").await, (4, 4));
    assert_eq!(count("select from t").await, (4, 4));
    assert_eq!(count("show timezone").await, (1, 1));
    assert_eq!(count("values (1), (2)").await, (2, 2));
    assert_eq!(count("explain select 1").await, (1, 1));
    assert_eq!(count("vacuum t").await, (0, 0));
    assert_eq!(count("create index concurrently on t (id)").await, (0, 0));
    assert_eq!(count("").await, (0, 0));
}
