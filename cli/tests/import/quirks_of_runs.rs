//! What the old service let happen to its runs: each at least once, with what becomes of it.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Ends, id};

/// A change to the run 1001, what is said of it, and columns that it then has here (null: it is left out).
type Quirk = (&'static str, &'static [&'static str], &'static str, Value);

fn of_runs() -> Vec<Quirk> {
    vec![
        (
            "id = '00000000-0000-4000-8000-00000000AB01'",
            &[],
            "jsonb_agg(r.id)",
            json!(["00000000-0000-4000-8000-00000000ab01"]),
        ),
        ("id = 'run-17'", &["left_out run-17 id \"run-17\" is no UUID"], "count(*)", json!(0)),
        (
            "status = 'PAUSED'",
            &["left_out", "its status \"PAUSED\" is none of QUEUED,"],
            "count(*)",
            json!(0),
        ),
        ("status = null", &["left_out", "its status \"\" is none of QUEUED,"], "count(*)", json!(0)),
        ("tenant_id = null", &["left_out", "tenant_id is null"], "count(*)", json!(0)),
        (
            "tenant_id = '00000000-0000-4000-8000-000000000009'",
            &["left_out", "its tenant 00000000-0000-4000-8000-000000000009 is not here"],
            "count(*)",
            json!(0),
        ),
        (
            "pipeline_version_id = '00000000-0000-4000-8000-000000000999'",
            &["left_out", "its version 00000000-0000-4000-8000-000000000999 does not exist"],
            "count(*)",
            json!(0),
        ),
        (
            "pipeline_version_id = '00000000-0000-4000-8000-000000000104'",
            &["left_out", "belongs to another tenant, 00000000-0000-4000-8000-000000000002"],
            "count(*)",
            json!(0),
        ),
        (
            "error_message = 'odd'",
            &["changed", "it SUCCEEDED and has an error_message: that is in output here"],
            "jsonb_agg(jsonb_build_array(r.error_message, r.output))",
            json!([[null, {"error_message": "odd"}]]),
        ),
        (
            "status = 'FAILED', error_message = repeat('ä', 5000)",
            &["changed", "error_message has 10000 bytes: cut, the whole of it is in output here"],
            "jsonb_agg(jsonb_build_array(right(r.error_message, 7), octet_length(r.error_message), length(r.output ->> 'error_message')))",
            json!([["… [cut]", 8191, 5000]]),
        ),
        (
            "status = 'FAILED', error_message = repeat('x', 1500001)",
            &["left_out", "its error_message has more than 1500000 bytes"],
            "count(*)",
            json!(0),
        ),
        (
            "finished_at = null",
            &["changed", "finished_at is not known: updated_at here"],
            "jsonb_agg(r.finished_at)",
            json!(["2024-02-01T10:05:00+00:00"]),
        ),
        (
            "finished_at = null, updated_at = null, started_at = null, claimed_at = null, created_at = null",
            &[
                "changed",
                "created_at is not known: 1970-01-01, since it has no times here",
                "finished_at is not known: created_at here",
            ],
            "jsonb_agg(jsonb_build_array(r.created_at, r.finished_at, r.updated_at))",
            json!([["1970-01-01T00:00:00+00:00", "1970-01-01T00:00:00+00:00", "1970-01-01T00:00:00+00:00"]]),
        ),
        (
            "finished_at = '2024-02-01 09:00:00+00'",
            &["warning", "finished_at is before started_at, as it is there"],
            "jsonb_agg(r.finished_at)",
            json!(["2024-02-01T09:00:00+00:00"]),
        ),
        (
            "started_at = 'infinity'",
            &["changed", "started_at infinity is not in a year from 1 to 9999: null here"],
            "jsonb_agg(r.started_at)",
            json!([null]),
        ),
        (
            "trigger_type = ''",
            &["changed", "trigger_type is empty: manual here"],
            "jsonb_agg(r.trigger_type)",
            json!(["manual"]),
        ),
        (
            "claimed_by = ''",
            &["changed", "claimed_by is empty: null here"],
            "jsonb_agg(r.claimed_by)",
            json!([null]),
        ),
        ("parameters = 'null'", &[], "jsonb_agg(r.parameters)", json!([{}])),
        (
            "parameters = '[1, \"a\"]'",
            &["changed", "parameters are no object: they are {\"imported_value\":…} here"],
            "jsonb_agg(r.parameters)",
            json!([{"imported_value": [1, "a"]}]),
        ),
        (
            r#"parameters = '{"a": "x\u0000", "\u0000": "\ud800"}'"#,
            &[
                "changed",
                "parameters: the character NUL, 2 times, became the symbol U+2400",
                "parameters: half a character (lone surrogate), once",
            ],
            "jsonb_agg(r.parameters)",
            json!([{"a": "x␀", "␀": "\u{fffd}"}]),
        ),
        (
            r#"parameters = '{"a": 1, "a": 2}'"#,
            &["changed", "parameters: of the values of a key given twice, the last was kept: /a"],
            "jsonb_agg(r.parameters)",
            json!([{"a": 2}]),
        ),
        (
            r#"parameters = '{"a": 123456789012345678901234567890, "b": 1e999}'"#,
            &[
                "changed",
                "parameters: a number that no double holds, once, became a string",
                "parameters: a number with more digits",
            ],
            "jsonb_agg(r.parameters::text)",
            json!([r#"{"a": 123456789012345678901234567890, "b": "1e999"}"#]),
        ),
        (
            "parameters = (repeat('[', 200) || repeat(']', 200))::json",
            &["left_out", "its parameters: cannot be read as JSON: recursion limit exceeded"],
            "count(*)",
            json!(0),
        ),
        (
            "parameters = json_build_object('a', repeat('x', 1500000))",
            &["left_out", "the API could not answer them"],
            "count(*)",
            json!(0),
        ),
        (
            "root_run_id = 'run-17', retry_of_run_id = '17'",
            &[
                "changed",
                "retry_of_run_id \"17\" is no UUID: as if it were null",
                "root_run_id \"run-17\" is no UUID: as if it were null",
            ],
            "jsonb_agg(jsonb_build_array(r.retry_of_run_id, r.root_run_id = r.id))",
            json!([[null, true]]),
        ),
        (
            "root_run_id = '00000000-0000-4000-8000-000000007777'",
            &[],
            "jsonb_agg(r.root_run_id)",
            json!(["00000000-0000-4000-8000-000000007777"]),
        ),
        (
            "retry_of_run_id = '00000000-0000-4000-8000-000000007777'",
            &[],
            "jsonb_agg(r.root_run_id)",
            json!(["00000000-0000-4000-8000-000000007777"]),
        ),
    ]
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn each_quirk_of_a_run_is_mapped_or_told(pool: PgPool) {
    let ends = Ends::world(pool).await;
    // Each run is 1001 with one change, in a world of its own.
    ends.there(
        "create table kept as select * from pipeline_runs where id like '%1001'; delete from pipeline_runs",
    )
    .await;
    for (change, said, column, expected) in of_runs() {
        ends.here("delete from pipeline_runs").await;
        ends.there(&format!(
            "delete from pipeline_runs; insert into pipeline_runs select * from kept; update pipeline_runs set {change}"
        ))
        .await;
        let first = ends.import(&[]).await;
        let notes = first.notes().join("\n");
        assert!(said.iter().all(|part| notes.contains(part)), "{change}: {notes}");
        assert!(!said.is_empty() || notes.is_empty(), "{change}: {notes}");
        let left_out = said.first().is_some_and(|note| note.starts_with("left_out"));
        assert_eq!(first.code, if left_out { 6 } else { 0 }, "{change}: {}{}", first.out, first.err);
        assert_eq!(ends.value(&format!("select {column} from pipeline_runs r")).await, expected, "{change}");
        first.assert_nothing_is_dropped();

        let rows = ends.rows().await;
        assert_eq!(ends.import(&[]).await.code, first.code, "{change}, again");
        assert_eq!(ends.rows().await, rows, "{change}, again");
        assert_eq!(ends.import(&["--verify"]).await.code, first.code, "{change}, verified");
    }
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_of_another_tenants_version_is_left_out_and_reaches_neither(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.there("update pipeline_runs set pipeline_version_id = '00000000-0000-4000-8000-000000000104' where id like '%1001'").await;
    for args in [[].as_slice(), &["--tenant", "00000000-0000-4000-8000-000000000001"]] {
        let said = ends.import(args).await.ended(6);
        let expected = format!(
            "left_out {} its version {} belongs to another tenant, {}",
            id("1001"),
            id("104"),
            id("2")
        );
        assert_eq!(said.notes(), [expected]);
        assert_eq!(ends.value("select count(*) from pipeline_runs where id::text like '%1001'").await, 0);
    }
    ends.drop_database().await;
}
