//! Types that somebody has made, and those that are none.

use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::Db;

async fn db(options: PgConnectOptions) -> Db {
    let db = Db::new(options);
    db.setup(
        "create type mood as enum ('sad', 'it''s ok, \"fine\"');
         create type pair as (a int, b text);
         create domain positive as int check (value > 0);
         create domain price as numeric(10,2);
         create domain prices as price[];
         create schema other;
         create type other.pair as (m mood, p pair, d price[]);
         create type span as range (subtype = price)",
    )
    .await;
    db
}

#[sqlx::test(migrations = false)]
async fn made_types_are_shown_and_can_be_given_back(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = db(options).await;
    let values = [
        ("mood", "sad", json!("sad")),
        ("mood", "it''s ok, \"fine\"", json!("it's ok, \"fine\"")),
        ("pair", "(1,\"a \"\"b\"\" \\\\ ,\")", json!("(1,\"a \"\"b\"\" \\\\ ,\")")),
        ("pair", "(,)", json!("(,)")),
        ("positive", "5", json!(5)),
        ("price", "1.5", json!("1.50")),
        ("other.pair", "(sad,\"(1,x)\",\"{1,2}\")", json!("(sad,\"(1,x)\",\"{1.00,2.00}\")")),
        ("span", "[1,2)", json!("[1.00,2.00)")),
    ];
    for (name, literal, expected) in values {
        let shown = db.value(&format!("select '{literal}'::{name} as v"), json!([])).await;
        assert_eq!(shown, expected, "{name} {literal}");
        let same = format!("select ($1::{name})::text = ('{literal}'::{name})::text as same");
        assert_eq!(db.value(&same, json!([shown])).await, json!(true), "{name} {literal}");
        let array = format!("array['{literal}', null]::{name}[]");
        let shown = db.value(&format!("select {array} as v"), json!([])).await;
        assert_eq!(shown, json!([expected, null]), "{name} {literal}");
        let same = format!("select ($1::{name}[])::text = ({array})::text as same");
        assert_eq!(db.value(&same, json!([shown])).await, json!(true), "{name} {literal}");
    }
    assert_eq!(db.value("select '{1,2}'::prices as v", json!([])).await, json!(["1.00", "2.00"]));
    assert_eq!(db.value("select $1::prices as v", json!([[1, "2.5"]])).await, json!(["1.00", "2.50"]));
}

#[sqlx::test(migrations = false)]
async fn what_a_type_forbids_is_refused(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = db(options).await;
    assert_eq!(db.failure("select $1::positive", json!([-5])).await.error, "sql_23514");
    assert_eq!(db.failure("select $1::positive[]", json!([[5, -5]])).await.error, "sql_23514");
    assert_eq!(db.failure("select $1::mood", json!(["glad"])).await.error, "sql_22P02");
    assert_eq!(db.failure("select $1::pair", json!(["(1,2,3)"])).await.error, "invalid_args");
    assert_eq!(db.failure("select $1::pair", json!([{"a": 1, "b": "x"}])).await.error, "invalid_args");
}

#[sqlx::test(migrations = false)]
async fn records_without_a_name_are_lists(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = db(options).await;
    let statement =
        "select row(1, 'a', array[1, null], null, row(true, 1.5), 'sad'::mood, array['sad'::mood],
                                5::positive, array[1.5::price], '{[1,3)}'::int4multirange, '(1,x)'::pair,
                                '2026-01-01Z'::timestamptz) as v";
    let expected = json!([
        1,
        "a",
        [1, null],
        null,
        [true, "1.5"],
        "sad",
        ["sad"],
        5,
        ["1.50"],
        "{[1,3)}",
        "(1,x)",
        "2026-01-01T00:00:00Z"
    ]);
    assert_eq!(db.value(statement, json!([])).await, expected);
    let statement = "select array[row(1, 'a'), row(2, null)] as v";
    assert_eq!(db.value(statement, json!([])).await, json!([[1, "a"], [2, null]]));
}

#[sqlx::test(migrations = false)]
async fn what_is_no_value_is_null_or_told(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = db(options).await;
    assert_eq!(db.value("select pg_sleep(0)", json!([])).await, json!(null));
    for statement in ["select '{[1,3)}'::int4multirange as v", "select $1::int4multirange::text as v"] {
        let args = if statement.contains('$') { json!(["{}"]) } else { json!([]) };
        let failure = db.failure(statement, args).await;
        assert_eq!(failure.error, "unsupported_type");
        assert!(failure.message.contains("::text"), "{failure}");
    }
    assert_eq!(db.value("select '{[1,3)}'::int4multirange::text as v", json!([])).await, json!("{[1,3)}"));
    let statement = "select $1::text::int4multirange::text as v";
    assert_eq!(db.value(statement, json!(["{[1,3)}"])).await, json!("{[1,3)}"));
    // Never sent in binary.
    assert_eq!(db.failure("select 'postgres=r/postgres'::aclitem", json!([])).await.error, "sql_42883");
    let statement = "select histogram_bounds as v from pg_stats where histogram_bounds is not null limit 1";
    assert!(db.value(statement, json!([])).await.is_array());
}

#[sqlx::test(migrations = false)]
async fn a_type_that_is_made_anew_is_not_taken_for_the_old_one(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let db = db(options).await;
    assert_eq!(db.value("select $1::mood as v", json!(["sad"])).await, json!("sad"));
    db.setup("drop type mood cascade; create type mood as (n numeric)").await;
    assert_eq!(db.value("select $1::mood as v", json!(["(1.50)"])).await, json!("(1.50)"));
}
