//! Versions that are edited, approved and deprecated with the verbs of the API between two imports.

use runplane::catalog::{self, ChangeStatusRequest, EditVersionRequest};
use runplane::scope::Scope;
use serde_json::json;
use sqlx::PgPool;

use crate::support::{Ends, id};

fn to(status: &str) -> ChangeStatusRequest {
    serde_json::from_value(json!({ "status": status })).unwrap()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn whatever_the_api_changed_is_ours_from_then_on(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.there(
        "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec) values
           ('00000000-0000-4000-8000-000000000105', '00000000-0000-4000-8000-000000000001',
            '00000000-0000-4000-8000-000000000011', '3.0', 'DRAFT', '{}')",
    )
    .await;
    ends.import(&[]).await.ended(0);
    let mut conn = ends.pool.acquire().await.unwrap();
    let (draft, edited, approved, deprecated) = (id("103"), id("105"), id("102"), id("101"));
    catalog::change_status(&mut conn, Scope::All, draft, &to("APPROVED"), Some("somebody")).await.unwrap();
    let edit: EditVersionRequest =
        serde_json::from_value(json!({ "dag_spec": { "steps": ["ours"] } })).unwrap();
    catalog::edit_version(&mut conn, Scope::All, edited, &edit).await.unwrap();
    catalog::change_status(&mut conn, Scope::All, approved, &to("DEPRECATED"), None).await.unwrap();
    catalog::change_status(&mut conn, Scope::All, deprecated, &to("APPROVED"), None).await.unwrap();
    drop(conn);

    ends.there("update pipeline_versions set status = 'APPROVED' where id like '%105'").await;
    let rows = ends.rows().await;
    let notes = ends.import(&[]).await.ended(6).notes();
    assert_eq!(ends.rows().await, rows);
    assert_eq!(
        notes,
        [
            format!("warning {deprecated} is DEPRECATED there and APPROVED here: kept as it is here"),
            format!("warning {approved} is APPROVED there and DEPRECATED here: kept as it is here"),
            format!("warning {draft} is DRAFT there and APPROVED here: kept as it is here"),
            format!("left_out {edited} it was edited here: kept as it is here"),
        ]
    );
    ends.drop_database().await;
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn imported_versions_are_shown_with_their_digest_and_how_they_came(pool: PgPool) {
    let ends = Ends::world(pool).await;
    ends.import(&[]).await.ended(0);
    let mut conn = ends.pool.acquire().await.unwrap();
    let shown = catalog::get_version(&mut conn, Scope::Tenant(id("2")), id("104")).await.unwrap();
    let digest = runplane::canonical::sha256(shown.dag_spec.clone());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(shown.version.dag_sha256, Some(digest));
    assert_eq!((shown.version.revision, shown.version.approved_by.as_deref()), (1, Some("import")));
    assert_eq!(shown.version.approved_at, Some(shown.version.created_at));
    let transitions = json!(shown.transitions);
    assert_eq!((&transitions[0]["from"], &transitions[0]["to"]), (&json!("DRAFT"), &json!("APPROVED")));
    assert_eq!((&transitions[0]["by"], transitions.as_array().unwrap().len()), (&json!("import"), 1));
    drop(conn);
    ends.drop_database().await;
}
