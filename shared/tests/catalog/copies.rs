//! A version that takes over another's dag_spec.

use runplane::catalog::{self, VersionStatus};
use serde_json::json;

use crate::support::{Conn, approve, edit, get, request, world};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_copy_is_a_draft_of_its_own(mut conn: Conn) {
    let world = world(&mut conn).await;
    let original = world.draft(&mut conn).await;
    let approved = approve(&mut conn, original).await.unwrap();
    let other = request(json!({"tenant_id": world.tenant, "name": "other"}));
    let other = catalog::create_pipeline(&mut conn, &other).await.unwrap().id;
    let copy = request(
        json!({"tenant_id": world.tenant, "pipeline_id": other, "version": "copy", "copy_of": original}),
    );
    let copy = catalog::create_version(&mut conn, &copy).await.unwrap();
    let version = &copy.version;
    assert_eq!((version.status, version.revision, version.pipeline_id), (VersionStatus::Draft, 1, other));
    assert_eq!((&version.dag_sha256, &version.approved_at, &version.approved_by), (&None, &None, &None));
    assert_eq!((copy.transitions.len(), &copy.dag_spec), (0, &approved.dag_spec));
    edit(&mut conn, copy.version.id, json!({}), Some(1)).await.unwrap();
    assert_eq!(get(&mut conn, original).await, approved);
}
