//! What the old service let happen: each at least once, with what becomes of it.

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
            "status = 'FAILED', error_message = repeat('x', 4000001)",
            &["left_out", "has 4000001 bytes"],
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
            "parameters = json_build_object('a', repeat('x', 4000000))",
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
    ends.there("alter table pipeline_runs alter tenant_id drop not null").await;
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
        let notes = first
            .notes()
            .into_iter()
            .filter(|note| !note.starts_with("warning 00000000-0000-4000-8000-0000000001"));
        let notes = notes.collect::<Vec<_>>().join("\n");
        assert!(said.iter().all(|part| notes.contains(part)), "{change}: {notes}");
        assert!(!said.is_empty() || notes.is_empty(), "{change}: {notes}");
        let left_out = said.first() == Some(&"left_out")
            || change.contains("run-17'") && said[0].starts_with("left_out");
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
async fn each_quirk_of_the_catalogue_is_mapped_or_told(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.there(
        r#"insert into tenants values ('00000000-0000-4000-8000-000000000003', '', null), ('t-4', 'Odd', now()),
             ('00000000-0000-4000-8000-0000000000AA', 'Upper', now()), ('00000000-0000-4000-8000-0000000000aa', 'Lower', now());
           insert into pipelines (id, tenant_id, name) values
             ('00000000-0000-4000-8000-000000000013', '00000000-0000-4000-8000-000000000001', 'nightly'),
             ('ABCDEF00-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000001', 'nightly'),
             ('00000000-0000-4000-8000-000000000015', 't-4', 'of an odd tenant');
           insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec) values
             ('00000000-0000-4000-8000-000000000201', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000011', '1.0', 'APPROVED', '[1]'),
             ('ABCDEF00-0000-4000-8000-000000000202', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000011', '1.0', 'DRAFT', 'null'),
             ('00000000-0000-4000-8000-000000000203', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000011', '', 'DRAFT', null),
             ('00000000-0000-4000-8000-000000000204', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000011', '7', 'DRAFT', '"text"'),
             ('00000000-0000-4000-8000-000000000205', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000011', '8', 'DRAFT', '{"a": "\u0000", "a": 1e999, "b": 123456789012345678901}'),
             ('00000000-0000-4000-8000-000000000206', '00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000011', '9', 'DRAFT', '{}'),
             ('00000000-0000-4000-8000-000000000207', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000099', '9', 'DRAFT', '{}'),
             ('00000000-0000-4000-8000-000000000208', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000011', '9', 'approved', '{}')"#,
    )
    .await;
    let said = ends.import(&[]).await.ended(6);
    said.assert_nothing_is_dropped();
    let notes: Vec<String> =
        said.notes().iter().map(|note| note.replace("00000000-0000-4000-8000-000000000", "…")).collect();
    for expected in [
        "left_out t-4 id \"t-4\" is no UUID",
        "left_out …0AA two rows have this id, in letters of different case",
        "left_out …0aa two rows have this id, in letters of different case",
        "changed …003 \"\" is empty: it is \"unnamed-00000000\" here",
        "changed …003 created_at is not known: 1970-01-01 here",
        "changed …013 \"nightly\" is taken: it is \"nightly-00000000\" here",
        "changed abcdef00-0000-4000-8000-000000000014 \"nightly\" is taken: it is \"nightly-abcdef00\" here",
        "left_out …015 tenant_id \"t-4\" is no UUID",
        "changed …201 \"1.0\" is taken: it is \"1.0-00000000\" here",
        "changed …201 dag_spec is no object",
        "changed abcdef00-0000-4000-8000-000000000202 \"1.0\" is taken: it is \"1.0-abcdef00\" here",
        "changed …203 \"\" is empty: it is \"unnamed-00000000\" here",
        "changed …203 dag_spec is no object",
        "changed …204 dag_spec is no object",
        "changed …205 dag_spec: the character NUL, once",
        "changed …205 dag_spec: of the values of a key given twice, the last was kept: /a",
        "changed …205 dag_spec: a number that no double holds, once, became a string",
        "changed …205 dag_spec: a number with more digits than a double has, once",
        "left_out …206 it is tenant …002's, its pipeline …011 is tenant …001's",
        "left_out …207 its pipeline …099 is not here",
        "left_out …208 its status \"approved\" is not DRAFT, APPROVED or DEPRECATED",
    ] {
        assert!(
            notes.iter().any(|note| note.starts_with(expected)),
            "{expected} is not among\n{}",
            notes.join("\n")
        );
    }
    let specs = ends
        .value("select jsonb_object_agg(right(id::text, 3), dag_spec) from pipeline_versions where right(id::text, 3) in ('201', '202', '203', '204')")
        .await;
    let opaque = |value: Value| json!({"kind": "imported", "value": value});
    assert_eq!(
        specs,
        json!({"201": opaque(json!([1])), "202": opaque(json!(null)), "203": opaque(json!(null)), "204": opaque(json!("text"))})
    );
    let exact =
        ends.value("select dag_spec::text from pipeline_versions where right(id::text, 3) = '205'").await;
    assert_eq!(exact, r#"{"a": "1e999", "b": 123456789012345678901}"#);

    let rows = ends.rows().await;
    let again = ends.import(&[]).await.ended(6);
    assert_eq!(ends.rows().await, rows);
    assert!(again.notes().iter().all(|note| note.starts_with("left_out")), "{:?}", again.notes());
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn roots_are_found_along_the_lineage(pool: PgPool) {
    let ends = Ends::world(pool).await;
    // 2001 ← 2002 ← … ← 2030, of which a batch holds three at a time; 3001 and 3002 retry each other; 4001's parent names its root.
    ends.there(
        "insert into pipeline_runs (id, tenant_id, pipeline_version_id, status, finished_at, retry_of_run_id, root_run_id)
         select format('00000000-0000-4000-8000-%s', lpad(n::text, 12, '0')), '00000000-0000-4000-8000-000000000001',
           '00000000-0000-4000-8000-000000000102', 'FAILED', now(),
           upper(format('00000000-0000-4000-8000-%s', lpad(of::text, 12, '0'))),
           format('00000000-0000-4000-8000-%s', lpad(root::text, 12, '0'))
         from (select n, nullif(n - 1, 2000) as of, null::integer as root from generate_series(2001, 2030) n
               union all values (3001, 3002, null), (3002, 3001, null), (4001, 4000, null), (4000, 3999, 3998)) as runs (n, of, root);
         update pipeline_runs set retry_of_run_id = null where retry_of_run_id like '%-';
         update pipeline_runs set root_run_id = null where root_run_id like '%-' or root_run_id = '00000000-0000-4000-8000-000000000000'",
    )
    .await;
    ends.there(
        "update pipeline_runs set retry_of_run_id = null where id like '%2001';
         update pipeline_runs set root_run_id = null where id not like '%4000'",
    )
    .await;
    let said = ends.import(&["--batch-size", "3"]).await.ended(0);
    assert_eq!(
        said.notes().iter().filter(|note| note.contains("it retries itself, through others")).count(),
        2,
        "{:?}",
        said.notes()
    );
    let roots = ends
        .value("select jsonb_agg(distinct root_run_id) from pipeline_runs where id::text ~ '20..$'")
        .await;
    assert_eq!(roots, json!([id("2001")]));
    let roots = ends
        .value("select jsonb_object_agg(right(id::text, 4), root_run_id) from pipeline_runs where id::text ~ '(300.|400.)$'")
        .await;
    assert_eq!(
        roots,
        json!({"3001": id("3001"), "3002": id("3002"), "4000": id("3998"), "4001": id("3998")})
    );
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
