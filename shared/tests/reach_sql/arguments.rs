//! Arguments stay data, and say what is wrong with them.

use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::Db;

/// Texts that have broken out of statements elsewhere.
const NASTY: [&str; 16] = [
    "'; drop table kept; --",
    "$$; drop table kept; $$",
    "$1",
    "\\",
    "\\'; drop table kept; --",
    "''",
    "\"",
    "{\"a\",NULL}",
    "null",
    "{}",
    "a\nb\r\tc",
    "/* */ --",
    "\u{fffd}\u{1F600}\u{202e}\u{feff}",
    "%s%n%1$s",
    "",
    " ' OR 1=1",
];

#[sqlx::test(migrations = false)]
async fn whatever_is_in_a_text_it_stays_a_text(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    db.setup("create table kept (v text, list text[], doc jsonb)").await;
    for text in NASTY {
        for name in ["text", "varchar", "json", "jsonb", "refcursor"] {
            let shown = db.value(&format!("select $1::{name} as v"), json!([text])).await;
            assert_eq!(shown, json!(text), "{name}");
            let list = json!([text, null, text]);
            let shown = db.value(&format!("select $1::{name}[] as v"), json!([list])).await;
            assert_eq!(shown, list, "{name}");
        }
        let args = json!([text, [text], {text: text}]);
        let inserted = db.rows("insert into kept values ($1, $2, $3) returning *", args).await;
        assert_eq!(inserted, [json!({"v": text, "list": [text], "doc": {text: text}})]);
        // Not `interval`, to which "$1" is a second.
        for name in ["int4", "date", "timestamptz", "uuid", "numeric", "inet"] {
            let failure = db.failure(&format!("select $1::{name}"), json!([text])).await;
            assert_eq!(failure.error, "invalid_args", "{name} {text:?}");
        }
    }
    assert_eq!(db.value("select count(*) from kept", json!([])).await, json!(NASTY.len()));
}

#[sqlx::test(migrations = false)]
async fn any_of_a_list_finds_its_rows(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    db.setup(
        "create table t (id int, big int8, name text, key uuid, at timestamptz);
              insert into t select n, n, 'n' || n, ('00000000-0000-0000-0000-00000000000' || n)::uuid,
                                   timestamptz '2026-01-01Z' + n * interval '1 day'
              from generate_series(1, 9) n",
    )
    .await;
    let cases = [
        ("id", json!([2, 4, 99])),
        ("big", json!([2, "4", null])),
        ("name", json!(["n2", "n4", "'"])),
        ("key", json!(["00000000-0000-0000-0000-000000000002", "00000000-0000-0000-0000-000000000004"])),
        ("at", json!(["2026-01-03T00:00:00Z", "2026-01-05T01:00:00+01:00"])),
    ];
    for (column, list) in cases {
        let statement = format!("select id from t where {column} = any($1) order by id");
        assert_eq!(
            db.rows(&statement, json!([list])).await,
            [json!({"id": 2}), json!({"id": 4})],
            "{column}"
        );
        assert_eq!(db.rows(&statement, json!([[]])).await, [] as [Value; 0], "{column}");
        assert_eq!(db.rows(&statement, json!([null])).await, [] as [Value; 0], "{column}");
    }
}

#[sqlx::test(migrations = false)]
async fn numbers_are_never_cut(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    assert_eq!(db.value("select $1::int8 + 0", json!([i64::MAX])).await, json!(i64::MAX));
    assert_eq!(db.value("select $1::numeric", json!([i64::MAX])).await, json!("9223372036854775807"));
    let long = "1".repeat(60) + "." + &"2".repeat(60);
    assert_eq!(db.value("select $1::numeric", json!([long])).await, json!(long));
    assert_eq!(db.value("select $1::numeric", json!([0.1])).await, json!("0.1"));
    assert_eq!(db.value("select $1::numeric", json!([1e21])).await, json!("1000000000000000000000"));
    assert_eq!(db.value("select $1::text", json!([12])).await, json!("12"));
    for (statement, arg) in [
        ("select $1::int4", json!(2_147_483_648_i64)),
        ("select $1::int4", json!(1.5)),
        ("select $1::int8", json!("9223372036854775808")),
        ("select $1::float4", json!(1e39)),
    ] {
        assert_eq!(db.failure(statement, json!([arg])).await.error, "invalid_args", "{statement} {arg}");
    }
}

#[sqlx::test(migrations = false)]
async fn a_null_of_json_is_null(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    assert_eq!(db.value("select $1::jsonb is null", json!([null])).await, json!(true));
    assert_eq!(db.value("select jsonb_typeof($1::jsonb)", json!([["a", null]])).await, json!("array"));
    assert_eq!(db.value("select jsonb_typeof($1::jsonb)", json!(["{}"])).await, json!("string"));
}

#[sqlx::test(migrations = false)]
async fn what_is_wrong_with_an_argument_is_told_before_anything_happens(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let db = Db::new(options);
    db.setup("create table t (id int, at date)").await;
    for (args, expected) in [
        (json!([1]), "the statement takes 2 args, is given 1"),
        (json!([1, "2026-01-01", 3]), "the statement takes 2 args, is given 3"),
        (json!([true, null]), "$1 is of type int4 and wants a whole number of 32 bits, is a boolean"),
        (
            json!([1, ["2026-01-01"]]),
            "$2 is of type date and wants a string as Postgres writes it, is a list",
        ),
        (
            json!([1, "tomorow"]),
            "an argument cannot be read: invalid input syntax for type date: \"tomorow\"",
        ),
    ] {
        let failure = db.failure("insert into t values ($1, $2)", args).await;
        assert_eq!((failure.error.as_str(), failure.message.as_str()), ("invalid_args", expected));
        assert!(!failure.passes);
    }
    assert_eq!(db.value("select count(*) from t", json!([])).await, json!(0));
    // Between Postgres and JSON a text is a text.
    assert_eq!(db.failure("select $1::text", json!(["a\u{0}b"])).await.error, "sql_22021");
}
