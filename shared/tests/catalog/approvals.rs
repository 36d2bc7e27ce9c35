//! What an approval stores, and what stays of it.

use runplane::canonical;
use runplane::catalog::{self, ApprovedStatus, ChangeStatusRequest, Transition, VersionStatus};
use runplane::scope::Scope;
use serde_json::json;

use crate::support::{Conn, approve, deprecate, get, request, world};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_approval_stores_who_and_when_and_the_digest_of_what_was_approved(mut conn: Conn) {
    let world = world(&mut conn).await;
    let spec = json!({"kind": "acme/flow", "do": ["ä", {"b": 1.50, "a": null}]});
    let id = catalog::create_version(&mut conn, &world.version(spec.clone())).await.unwrap().version.id;
    let asked: ChangeStatusRequest =
        request(json!({"status": ApprovedStatus::Approved, "comment": "as discussed"}));
    let approved = catalog::change_status(&mut conn, Scope::All, id, &asked, Some("ann")).await.unwrap();
    let version = &approved.version;
    assert_eq!((version.status, version.approved_by.as_deref()), (VersionStatus::Approved, Some("ann")));
    assert_eq!(version.dag_sha256, Some(hex::encode(canonical::sha256(spec))));
    assert_eq!(version.approved_at, Some(version.updated_at));
    let expected = Transition {
        from: VersionStatus::Draft,
        to: VersionStatus::Approved,
        at: version.updated_at,
        by: Some("ann".into()),
        comment: Some("as discussed".into()),
    };
    assert_eq!(approved.transitions, [expected]);
    assert_eq!(get(&mut conn, id).await, approved);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_approval_that_is_taken_back_and_given_again_keeps_spec_and_digest(mut conn: Conn) {
    let id = world(&mut conn).await.draft(&mut conn).await;
    let first = approve(&mut conn, id).await.unwrap();
    let deprecated = deprecate(&mut conn, id).await.unwrap();
    assert_eq!(deprecated.version.approved_at, first.version.approved_at);
    let asked: ChangeStatusRequest = request(json!({"status": "APPROVED"}));
    let again = catalog::change_status(&mut conn, Scope::All, id, &asked, Some("bob")).await.unwrap();
    assert_eq!((&again.dag_spec, &again.version.dag_sha256), (&first.dag_spec, &first.version.dag_sha256));
    assert_eq!(again.version.approved_by.as_deref(), Some("bob"));
    assert!(again.version.approved_at > first.version.approved_at);
    assert_eq!(again.version.revision, first.version.revision);
    let steps: Vec<_> = again.transitions.iter().map(|one| (one.to.as_str(), one.by.as_deref())).collect();
    assert_eq!(steps, [("APPROVED", Some("ann")), ("DEPRECATED", Some("ann")), ("APPROVED", Some("bob"))]);
    assert_eq!(get(&mut conn, id).await, again);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn of_very_many_transitions_the_last_hundred_are_shown(mut conn: Conn) {
    let id = world(&mut conn).await.draft(&mut conn).await;
    let mut last = approve(&mut conn, id).await.unwrap();
    for _ in 0..51 {
        deprecate(&mut conn, id).await.unwrap();
        last = approve(&mut conn, id).await.unwrap();
    }
    assert_eq!(last.transitions.len(), 100);
    assert_eq!(get(&mut conn, id).await, last);
    assert_eq!(last.transitions[99].at, last.version.updated_at);
}
