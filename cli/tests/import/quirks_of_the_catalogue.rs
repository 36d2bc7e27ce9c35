//! What the old service let happen to its catalogue.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Ends, id};

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
async fn an_approved_spec_that_would_be_refused_today_is_imported_with_a_warning_for_each_fault(
    pool: PgPool,
) {
    let ends = Ends::world(pool).await;
    let spec = json!({"steps": [{"id": "a", "type": "no_such_type"}, {"id": "b", "type": "fail", "depends_on": ["c"]}]});
    ends.there(&format!(
        "update pipeline_versions set dag_spec = '{spec}' where id like '%102' or id like '%103'"
    ))
    .await;
    let said = ends.import(&[]).await.ended(0);
    // A draft is checked when it is approved.
    let expected: Vec<String> = runplane::dag::check(&spec, None)
        .iter()
        .map(|fault| {
            let (pointer, detail) = (&fault.pointer, &fault.detail);
            format!(
                "warning {} a dag_spec like this is not approved any more: {pointer}: {detail}",
                id("102")
            )
        })
        .collect();
    assert_eq!(said.notes(), expected);
    assert_eq!(ends.value("select dag_spec from pipeline_versions where id::text like '%102'").await, spec);
    assert_eq!(said.count("runs", "copied"), 3);
    ends.drop_database().await;
}
