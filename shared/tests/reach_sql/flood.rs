//! What a server sends is bounded before anything makes room for it.

use std::time::Duration;

use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::servers::{head, hostile, message, welcome};
use crate::support::{Db, until};

/// 16 MiB.
const CALL_BYTES: &str = "16777216";
const NOTICE: &[u8] = b"SNOTICE\0VNOTICE\0C00000\0Mnothing\0\0";

#[sqlx::test(migrations = false)]
async fn a_value_that_is_larger_than_the_memory_is_refused_and_takes_none(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let db = Db::new(options);
    db.setup("create table t (id int)").await;
    let before = peak_of_memory();
    let statement = "insert into t values (1) returning repeat('x', 500000000) as v";
    let failure = db.failure(statement, json!([])).await;
    assert_eq!((failure.error.as_str(), failure.passes), ("result_too_large", false), "{failure}");
    // The row, its number of columns and the length of the only one.
    assert_eq!(
        failure.message,
        format!("the database sent a message of 500000010 bytes; at most {CALL_BYTES} are taken")
    );
    assert!(peak_of_memory() - before < 250_000_000, "{before}, {}", peak_of_memory());
    // It is undone when the server has seen that its line is gone.
    let nobody = "select not exists (select from pg_stat_activity
                                     where datname = current_database() and query like 'insert into t%')";
    until(&mut db.client().await, nobody).await;
    assert_eq!(db.value("select count(*) from t", json!([])).await, json!(0));
}

#[sqlx::test(migrations = false)]
async fn texts_that_postgres_writes_are_bounded_too(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    // Each is 10 bytes as it is sent, and 131,001 as a text.
    let many = |rows: i32| {
        let statement = format!("select 1e131000::numeric as v from generate_series(1, {rows})");
        json!({"statement": statement, "max_rows": 10_000})
    };
    // Nobody wants to read them where this fails.
    let failure = db.call(many(10_000)).await.map(|result| result["row_count"].clone()).unwrap_err();
    assert_eq!((failure.error.as_str(), failure.passes), ("result_too_large", false), "{failure}");
    let result = db.call(many(120)).await.unwrap();
    let rows = result["rows"].as_array().unwrap();
    assert!(rows.len() == 120 && rows.iter().all(|row| row["v"].as_str().unwrap().len() == 131_001));
}

#[sqlx::test(migrations = false)]
async fn what_may_be_returned_comes_through(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    let text = db.value("select repeat('x', 4999999) as v", json!([])).await;
    assert_eq!(text.as_str().unwrap().len(), 4_999_999);
    let failure = db.failure("select repeat('x', 5000000) as v", json!([])).await;
    assert_eq!(failure.to_string(), "result_too_large: the statement returns more than 5000000 bytes");
    let texts = "select repeat('x', 498) as v1 from generate_series(1, 10000)";
    assert_eq!(db.rows(texts, json!([])).await.len(), 10_000);
    // As texts they are four times as long.
    let times = (0..30).map(|n| format!("timestamptz '2026-01-01 12:00:00.123456Z' as time_{n:03}"));
    let times = format!("select {} from generate_series(1, 10000)", times.collect::<Vec<_>>().join(", "));
    let rows = db.rows(&times, json!([])).await;
    assert!(rows.len() == 10_000 && rows[9999]["time_029"] == "2026-01-01T12:00:00.123456Z");
}

#[sqlx::test(migrations = false)]
async fn each_call_of_a_line_may_send_as_much(_pool: PgPoolOptions, options: PgConnectOptions) {
    let db = Db::new(options);
    let pid = db.value("select pg_backend_pid()", json!([])).await;
    // A little less than what makes a line too old to be kept, and then a little less than all.
    let text = db.rows("select pg_backend_pid() as pid, repeat('x', 900000) as v", json!([])).await;
    assert_eq!(text[0]["pid"], pid);
    let statement = "select pg_backend_pid() as pid, 1e131000::numeric as v from generate_series(1, 124)";
    let rows = db.rows(statement, json!([])).await;
    assert!(rows.len() == 124 && rows[123]["pid"] == pid);
    // What sqlx remembers of so much is forgotten.
    assert_ne!(db.value("select pg_backend_pid()", json!([])).await, pid);
}

#[sqlx::test(migrations = false)]
async fn a_server_that_says_too_much_when_it_is_met_is_left(_pool: PgPoolOptions, options: PgConnectOptions) {
    let too_much = "more than 262144 bytes, which are all that are taken";
    for (said, again, expected) in [
        (head(b'R', u32::MAX), vec![], "a message of 4294967295 bytes; at most 262144 are taken"),
        (head(b'S', 300_000), vec![], "a message of 300000 bytes; at most 262144 are taken"),
        (message(b'R', &[0; 4]), message(b'S', b"a\0b\0"), too_much),
        (message(b'R', &[0; 4]), message(b'N', NOTICE), too_much),
        (head(b'R', 3), vec![], "a message that is shorter than any can be"),
    ] {
        let mut db = Db::new(options.clone());
        let server = ask(&mut db, vec![said], again).await;
        let failure = db.failure("select 1", json!([])).await;
        assert_eq!((failure.error.as_str(), failure.passes), ("connect", true), "{failure}");
        assert!(failure.message.ends_with(expected), "{failure}");
        is_left(server).await;
    }
}

#[sqlx::test(migrations = false)]
async fn a_server_that_says_too_much_when_it_is_asked_is_left(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let too_large = ("result_too_large", false);
    let too_much = format!("more than {CALL_BYTES} bytes, which are all that are taken");
    let one = format!("a message of 4294967295 bytes; at most {CALL_BYTES} are taken");
    for (said, again, expected, message) in [
        (head(b'1', u32::MAX), vec![], too_large, one.as_str()),
        ([message(b'1', b""), head(b'D', u32::MAX)].concat(), vec![], too_large, &one),
        (message(b'1', b""), message(b'S', b"a\0b\0"), too_large, &too_much),
        (message(b'1', b""), message(b'N', NOTICE), too_large, &too_much),
        (head(b'1', 0), vec![], ("sql_08P01", true), "a message that is shorter than any can be"),
    ] {
        let mut db = Db::new(options.clone());
        let server = ask(&mut db, vec![welcome(), said], again).await;
        let failure = db.failure("select 1", json!([])).await;
        assert_eq!((failure.error.as_str(), failure.passes), expected, "{failure}");
        assert!(failure.message.ends_with(message), "{failure}");
        is_left(server).await;
    }
}

/// Leads to such a server.
async fn ask(db: &mut Db, said: Vec<Vec<u8>>, again: Vec<u8>) -> JoinHandle<()> {
    let (port, server) = hostile(said, again).await;
    (db.destination.config.host, db.destination.config.port) = ("127.0.0.1".to_owned(), Some(port));
    server
}

async fn is_left(server: JoinHandle<()>) {
    timeout(Duration::from_secs(20), server).await.expect("the line is still open").unwrap();
}

/// Of this process, in bytes, since it began. 0: the system does not tell.
fn peak_of_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"));
    peak.map_or(0, |peak| peak.trim().parse::<u64>().unwrap() * 1024)
}
