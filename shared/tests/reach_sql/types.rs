//! Every type there and back: as a value, and in an array.

use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::Db;

/// Types, a value of each as a literal of SQL, and how a step sees it.
fn values() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("bool", "true", json!(true)),
        ("bool", "false", json!(false)),
        ("int2", "-32768", json!(-32768)),
        ("int4", "-2147483648", json!(i32::MIN)),
        ("int8", "9223372036854775807", json!(i64::MAX)),
        ("int8", "-9223372036854775808", json!(i64::MIN)),
        ("oid", "4294967295", json!(u32::MAX)),
        ("float4", "0.1", json!(0.1)),
        ("float4", "Infinity", json!("Infinity")),
        ("float8", "1.7976931348623157e308", json!(f64::MAX)),
        ("float8", "0.30000000000000004", json!(0.1 + 0.2)),
        ("float8", "NaN", json!("NaN")),
        ("float8", "-Infinity", json!("-Infinity")),
        ("numeric", "12.50", json!("12.50")),
        ("numeric", "-0.000000000000000000000000000001", json!("-0.000000000000000000000000000001")),
        (
            "numeric",
            "123456789012345678901234567890123456789012345678901234567890",
            json!("123456789012345678901234567890123456789012345678901234567890"),
        ),
        ("numeric", "NaN", json!("NaN")),
        ("numeric(10,2)", "1.005", json!("1.01")),
        ("money", "12.50", json!("$12.50")),
        ("text", "a \"b\" \\ {c} , NULL ü", json!("a \"b\" \\ {c} , NULL ü")),
        ("text", "", json!("")),
        ("varchar(10)", "abc", json!("abc")),
        ("char(5)", "ab", json!("ab   ")),
        ("name", "a name", json!("a name")),
        ("\"char\"", "x", json!("x")),
        ("bytea", "\\x00ff", json!("\\x00ff")),
        ("bytea", "", json!("\\x")),
        ("uuid", "0198F2A4-0000-7000-8000-00000000000A", json!("0198f2a4-0000-7000-8000-00000000000a")),
        ("json", "{\"a\":[1,null,\"b\"]}", json!({"a": [1, null, "b"]})),
        ("jsonb", "{\"a\": [1, null, \"b\"], \"c\": 1.5}", json!({"a": [1, null, "b"], "c": 1.5})),
        ("jsonb", "[[1]]", json!([[1]])),
        ("jsonpath", "$.a", json!("$.\"a\"")),
        ("date", "2026-11-24", json!("2026-11-24")),
        ("date", "infinity", json!("infinity")),
        ("date", "0044-03-15 BC", json!("0044-03-15 BC")),
        ("time", "12:34:56.789", json!("12:34:56.789")),
        ("timetz", "12:34:56+02", json!("12:34:56+02")),
        ("timestamp", "2026-11-24 12:00:00.5", json!("2026-11-24T12:00:00.5")),
        ("timestamp", "-infinity", json!("-infinity")),
        ("timestamptz", "2026-11-24 14:00:00.123456+02", json!("2026-11-24T12:00:00.123456Z")),
        ("timestamptz", "0044-03-15 12:00:00+00 BC", json!("0044-03-15 12:00:00+00 BC")),
        ("timestamptz", "infinity", json!("infinity")),
        ("interval", "1 day 02:00:00", json!("P1DT2H")),
        ("interval", "-1.5 seconds", json!("PT-1.5S")),
        ("inet", "192.168.1.5", json!("192.168.1.5")),
        ("inet", "2001:db8::1/64", json!("2001:db8::1/64")),
        ("cidr", "10.0.0.0/8", json!("10.0.0.0/8")),
        ("macaddr", "08:00:2b:01:02:03", json!("08:00:2b:01:02:03")),
        ("macaddr8", "08:00:2b:01:02:03:04:05", json!("08:00:2b:01:02:03:04:05")),
        ("bit(4)", "1010", json!("1010")),
        ("varbit", "101", json!("101")),
        ("point", "(1,2)", json!("(1,2)")),
        ("line", "{1,-1,0}", json!("{1,-1,0}")),
        ("lseg", "[(0,0),(1,1)]", json!("[(0,0),(1,1)]")),
        ("box", "(1,1),(0,0)", json!("(1,1),(0,0)")),
        ("path", "((0,0),(1,1))", json!("((0,0),(1,1))")),
        ("polygon", "((0,0),(1,1),(1,0))", json!("((0,0),(1,1),(1,0))")),
        ("circle", "<(0,0),1>", json!("<(0,0),1>")),
        ("tsvector", "a:1 b:2", json!("'a':1 'b':2")),
        ("tsquery", "a & b", json!("'a' & 'b'")),
        ("int4range", "[1,3]", json!("[1,4)")),
        ("int8range", "empty", json!("empty")),
        ("numrange", "[1.5,2.5]", json!("[1.5,2.5]")),
        ("daterange", "[2026-01-01,)", json!("[2026-01-01,)")),
        ("tsrange", "[2026-01-01,2026-01-02)", json!("[\"2026-01-01 00:00:00\",\"2026-01-02 00:00:00\")")),
        ("tstzrange", "(,2026-01-02Z]", json!("(,\"2026-01-02 00:00:00+00\"]")),
        ("pg_lsn", "16/B374D848", json!("16/B374D848")),
        ("txid_snapshot", "10:20:10,14", json!("10:20:10,14")),
        ("xid", "7", json!("7")),
        ("tid", "(0,1)", json!("(0,1)")),
        ("regclass", "pg_type", json!("pg_type")),
        ("regtype", "int4", json!("integer")),
        ("regproc", "array_in", json!("array_in")),
        ("int2vector", "1 2 3", json!("1 2 3")),
        ("oidvector", "16 17", json!("16 17")),
        ("refcursor", "a \"b\" \\ {c} , NULL ü", json!("a \"b\" \\ {c} , NULL ü")),
    ]
}

#[sqlx::test(migrations = false)]
async fn every_type_is_shown_and_what_is_shown_can_be_given_back(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let db = Db::new(options);
    for (name, literal, expected) in values() {
        let shown = db.value(&format!("select '{literal}'::{name} as v"), json!([])).await;
        assert_eq!(shown, expected, "{name} {literal}");
        let same = format!("select ($1::{name})::text = ('{literal}'::{name})::text as same");
        assert_eq!(db.value(&same, json!([shown])).await, json!(true), "{name} {literal}");
        assert_eq!(db.value(&format!("select $1::{name} as v"), json!([null])).await, json!(null), "{name}");
    }
}

#[sqlx::test(migrations = false)]
async fn an_array_of_every_type_is_a_list_and_a_list_is_an_array(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let db = Db::new(options);
    for (name, literal, expected) in values() {
        let array = format!("array['{literal}', null, '{literal}']::{name}[]");
        let shown = db.value(&format!("select {array} as v"), json!([])).await;
        assert_eq!(shown, json!([expected, null, expected]), "{name} {literal}");
        let same = format!("select ($1::{name}[])::text = ({array})::text as same");
        assert_eq!(db.value(&same, json!([shown])).await, json!(true), "{name} {literal}");
        let empty = db.value(&format!("select $1::{name}[] as v"), json!([[]])).await;
        assert_eq!(empty, json!([]), "{name}");
    }
}

#[sqlx::test(migrations = false)]
async fn all_types_go_through_one_statement_in_one_row(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    let columns = values().into_iter().enumerate();
    let columns = columns.map(|(n, (name, _, _))| format!("${}::{name} as c{n}", n + 1));
    let statement = format!("select {}", columns.collect::<Vec<_>>().join(", "));
    let expected: Vec<_> = values().into_iter().map(|(_, _, expected)| expected).collect();
    let rows = db.rows(&statement, json!(expected)).await;
    let shown: Vec<_> = (0..expected.len()).map(|n| rows[0][format!("c{n}")].clone()).collect();
    // Rounded when it is given as well: what is shown is what is stored.
    assert_eq!(shown, expected);
}

#[sqlx::test(migrations = false)]
async fn arrays_of_many_dimensions_are_lists_within_lists(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    assert_eq!(db.value("select array[[1,2],[3,null]] as v", json!([])).await, json!([[1, 2], [3, null]]));
    let moved = "select '[0:1][5:5]={{2026-01-01},{2026-01-02}}'::date[] as v";
    assert_eq!(db.value(moved, json!([])).await, json!([["2026-01-01"], ["2026-01-02"]]));
    for given in [json!([[1, 2], [3, 4], [5, null]]), json!([[[[[[7]]]]]]), json!([])] {
        assert_eq!(db.value("select $1::int8[] as v", json!([given])).await, given);
    }
    let dates = json!([["2026-01-01", null], ["infinity", "2026-01-02"]]);
    assert_eq!(db.value("select $1::date[] as v", json!([dates])).await, dates);
    assert_eq!(db.failure("select $1::int4[]", json!([[[1], [2, 3]]])).await.error, "invalid_args");
    assert_eq!(db.failure("select $1::int4[]", json!(["{1,2}"])).await.error, "invalid_args");
}

#[sqlx::test(migrations = false)]
async fn many_rows_keep_their_order_and_their_values(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    let statement = "select n, nullif(n, 7)::numeric as decimal, array[n, 0.5]::numeric[] as list,
                            timestamptz '2026-01-01Z' + n * interval '1 s' as at
                     from generate_series(1, 5000) n order by n desc";
    let rows = db.rows(statement, json!([])).await;
    assert_eq!(rows.len(), 5000);
    for (row, n) in rows.iter().zip((1..=5000).rev()) {
        let decimal = if n == 7 { json!(null) } else { json!(n.to_string()) };
        let at = format!("2026-01-01T{:02}:{:02}:{:02}Z", n / 3600, n / 60 % 60, n % 60);
        assert_eq!(*row, json!({"n": n, "decimal": decimal, "list": [n.to_string(), "0.5"], "at": at}));
    }
}
