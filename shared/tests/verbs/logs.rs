//! The log of a run: told at any time, read in either order.

use runplane::catalog::Page;
use runplane::cursor::Cursor;
use runplane::evidence::{self, EvidenceError, LogFilter, LogLine, Order};
use runplane::runs::RunStatus;
use runplane::scope::Scope;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{Row, queued, told, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

fn lines(lines: Value) -> Vec<LogLine> {
    serde_json::from_value(lines).unwrap()
}

async fn add(conn: &mut PgConnection, run: Uuid, count: usize) {
    let of: Vec<_> = (0..count).map(|line| json!({ "message": format!("line {line}") })).collect();
    for hundred in of.chunks(100) {
        evidence::add_logs(conn, Scope::All, run, &lines(json!(hundred))).await.unwrap();
    }
}

fn all(run_id: Uuid, order: Order) -> LogFilter {
    LogFilter { run_id, after: None, before: None, order }
}

/// Every message, page by page, and how many pages there were.
async fn read(conn: &mut PgConnection, filter: &LogFilter, limit: i64) -> (Vec<String>, usize) {
    let (mut messages, mut cursor, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = evidence::list_logs(conn, Scope::All, filter, &Page { limit, cursor }).await.unwrap();
        assert!(page.count as i64 <= limit && page.count == page.items.len());
        messages.extend(page.items.into_iter().map(|line| line.message));
        pages += 1;
        match page.next_cursor {
            Some(next) => cursor = Some(Cursor::decode(&next, Scope::All, filter).unwrap()),
            None => return (messages, pages),
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_may_be_told_of_in_whatever_state_it_is(mut conn: Conn) {
    let world = world(&mut conn).await;
    for status in RunStatus::ALL {
        let run = match status {
            RunStatus::Queued => queued(&mut conn, world, "").await,
            status => Row::new(status).insert(&mut conn, world).await,
        };
        let of = lines(json!([{ "level": "WARN", "message": "m", "source": "s", "meta": { "a": 1 } }]));
        let added = evidence::add_logs(&mut conn, Scope::Tenant(world.tenant), run, &of).await.unwrap();
        assert_eq!((added.count, added.tenant_id), (1, world.tenant));
        let page = Page { limit: 10, cursor: None };
        let (scope, filter) = (Scope::Tenant(world.tenant), all(run, Order::Asc));
        let list = evidence::list_logs(&mut conn, scope, &filter, &page).await.unwrap();
        let line = serde_json::to_value(&list.items[0]).unwrap();
        assert_eq!((&line["level"], &line["meta"]), (&json!("warning"), &json!({ "a": 1 })), "{status:?}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_order_of_lines_stays_also_of_those_that_were_told_at_once(mut conn: Conn) {
    let world = world(&mut conn).await;
    let run = queued(&mut conn, world, "").await;
    add(&mut conn, run, 250).await;
    let oldest: Vec<_> = (0..250).map(|line| format!("line {line}")).collect();
    let newest: Vec<_> = oldest.iter().rev().cloned().collect();
    for limit in [7, 100, 250, 1000] {
        let pages = (250_usize).div_ceil(limit as usize);
        assert_eq!(read(&mut conn, &all(run, Order::Asc), limit).await, (oldest.clone(), pages));
        assert_eq!(read(&mut conn, &all(run, Order::Desc), limit).await, (newest.clone(), pages));
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn times_bound_what_is_read(mut conn: Conn) {
    let world = world(&mut conn).await;
    let run = queued(&mut conn, world, "").await;
    add(&mut conn, run, 4).await;
    sqlx::query(
        "update run_logs set created_at = timestamptz '2026-11-24 08:00Z' + right(message, 1)::integer * interval '1 h'",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    let at = |hour: i32| Some(format!("2026-11-24T{:02}:00:00Z", 8 + hour).parse().unwrap());
    for (after, before, expected) in [
        (at(0), None, &["line 1", "line 2", "line 3"][..]),
        (None, at(2), &["line 0", "line 1"]),
        (at(0), at(3), &["line 1", "line 2"]),
        (at(3), None, &[]),
    ] {
        let filter = LogFilter { after, before, ..all(run, Order::Asc) };
        assert_eq!(read(&mut conn, &filter, 2).await.0, expected);
        let mut newest = read(&mut conn, &LogFilter { order: Order::Desc, ..filter }, 2).await.0;
        newest.reverse();
        assert_eq!(newest, expected);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_page_fits_into_an_answer_of_lambda(mut conn: Conn) {
    let world = world(&mut conn).await;
    let run = queued(&mut conn, world, "").await;
    // The worst there is: every byte of it has to be escaped.
    let line = json!({ "message": "\\\"".repeat(8192), "meta": vec![""; 20_000] });
    for _ in 0..10 {
        evidence::add_logs(&mut conn, Scope::All, run, &lines(json!(vec![&line; 10]))).await.unwrap();
    }
    let page = Page { limit: 1000, cursor: None };
    let list = evidence::list_logs(&mut conn, Scope::All, &all(run, Order::Asc), &page).await.unwrap();
    let answer = serde_json::to_string(&serde_json::to_string(&list).unwrap()).unwrap();
    assert!((3_000_000..6_000_000).contains(&answer.len()), "{} bytes", answer.len());
    assert_eq!(read(&mut conn, &all(run, Order::Desc), 1000).await.0.len(), 100);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_long_message_is_cut_with_a_mark(mut conn: Conn) {
    let world = world(&mut conn).await;
    let run = queued(&mut conn, world, "").await;
    let long = lines(json!([{ "message": "ä".repeat(20_000) }]));
    evidence::add_logs(&mut conn, Scope::All, run, &long).await.unwrap();
    let kept = &told(&mut conn, run).await[0];
    assert!(kept.ends_with("… [cut]") && kept.len() > 16_300, "{} bytes", kept.len());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn another_tenants_run_has_no_log(mut conn: Conn) {
    let world = world(&mut conn).await;
    let run = queued(&mut conn, world, "").await;
    add(&mut conn, run, 1).await;
    let (page, of) = (Page { limit: 10, cursor: None }, lines(json!([{ "message": "m" }])));
    for (scope, run) in [(Scope::Tenant(Uuid::now_v7()), run), (Scope::All, Uuid::now_v7())] {
        let added = evidence::add_logs(&mut conn, scope, run, &of).await;
        assert!(matches!(added, Err(EvidenceError::NotFound)), "{added:?}");
        let list = evidence::list_logs(&mut conn, scope, &all(run, Order::Asc), &page).await;
        assert!(matches!(list, Err(EvidenceError::NotFound)), "{list:?}");
    }
    assert_eq!(told(&mut conn, run).await, ["info line 0"]);
    // One that has none has an empty log.
    let silent = queued(&mut conn, world, "").await;
    let list = evidence::list_logs(&mut conn, Scope::All, &all(silent, Order::Desc), &page).await.unwrap();
    assert_eq!((list.count, list.next_cursor), (0, None));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_cursor_belongs_to_one_runs_log_in_one_order(mut conn: Conn) {
    let world = world(&mut conn).await;
    let run = queued(&mut conn, world, "").await;
    add(&mut conn, run, 2).await;
    let page = Page { limit: 1, cursor: None };
    let filter = all(run, Order::Asc);
    let list = evidence::list_logs(&mut conn, Scope::All, &filter, &page).await.unwrap();
    let cursor = list.next_cursor.unwrap();
    Cursor::decode(&cursor, Scope::All, &filter).unwrap();
    for other in [all(Uuid::now_v7(), Order::Asc), all(run, Order::Desc)] {
        Cursor::decode(&cursor, Scope::All, &other).unwrap_err();
    }
}
