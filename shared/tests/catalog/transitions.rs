//! Each verb on a version in each status: what changes, and that nothing changes where it is refused.

use runplane::catalog::{self, ChangeStatusError, EditVersionError, VersionStatus};
use runplane::dag::ParamsCache;
use runplane::runs::{self, CreateError};
use runplane::scope::Scope;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{Conn, World, approve, deprecate, edit, request, row, world};

#[derive(Clone, Copy, Debug)]
enum Verb {
    Edit,
    Approve,
    Deprecate,
    Run,
    TakeOver,
}
use Verb::{Approve, Deprecate, Edit, Run, TakeOver};
use VersionStatus::{Approved, Deprecated, Draft};

const TABLE: [(VersionStatus, Verb, Result<VersionStatus, &str>); 15] = [
    (Draft, Edit, Ok(Draft)),
    (Draft, Approve, Ok(Approved)),
    (Draft, Deprecate, Err("a version that is DRAFT cannot become DEPRECATED")),
    (Draft, Run, Err("pipeline version must be APPROVED to run")),
    (Draft, TakeOver, Ok(Draft)),
    (Approved, Edit, Err("only a DRAFT is edited, this one is APPROVED")),
    (Approved, Approve, Err("a version that is APPROVED cannot become APPROVED")),
    (Approved, Deprecate, Ok(Deprecated)),
    (Approved, Run, Ok(Approved)),
    (Approved, TakeOver, Ok(Approved)),
    (Deprecated, Edit, Err("only a DRAFT is edited, this one is DEPRECATED")),
    (Deprecated, Approve, Ok(Approved)),
    (Deprecated, Deprecate, Err("a version that is DEPRECATED cannot become DEPRECATED")),
    (Deprecated, Run, Err("pipeline version must be APPROVED to run")),
    (Deprecated, TakeOver, Ok(Deprecated)),
];

/// Does it; where it is refused, why.
async fn ask(conn: &mut PgConnection, world: World, id: Uuid, verb: Verb) -> Result<(), String> {
    let told = |error: &dyn std::error::Error| error.to_string();
    match verb {
        Edit => edit(conn, id, json!({"steps": ["b"]}), None).await.map(drop).map_err(|error| {
            assert!(matches!(error, EditVersionError::NotDraft(_)), "{error:?}");
            told(&error)
        }),
        Approve => approve(conn, id).await.map(drop).map_err(|error| {
            assert!(matches!(error, ChangeStatusError::InvalidTransition { .. }), "{error:?}");
            told(&error)
        }),
        Deprecate => deprecate(conn, id).await.map(drop).map_err(|error| {
            assert!(matches!(error, ChangeStatusError::InvalidTransition { .. }), "{error:?}");
            told(&error)
        }),
        Run => {
            let request = request(json!({"tenant_id": world.tenant, "pipeline_version_id": id}));
            runs::create(conn, &ParamsCache::default(), &request, None).await.map(drop).map_err(|error| {
                assert!(matches!(error, CreateError::VersionNotApproved), "{error:?}");
                told(&error)
            })
        }
        TakeOver => {
            let request = request(json!({
                "tenant_id": world.tenant, "pipeline_id": world.pipeline, "version": "copy", "copy_of": id,
            }));
            catalog::create_version(conn, &request).await.map(drop).map_err(|error| told(&error))
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn each_verb_on_each_status_does_what_the_table_says_or_nothing(mut conn: Conn) {
    for (status, verb, expected) in TABLE {
        let world = world(&mut conn).await;
        let id = world.version_in(&mut conn, status).await;
        let before = row(&mut conn, id).await;
        let answer = ask(&mut conn, world, id, verb).await;
        let after = row(&mut conn, id).await;
        assert_eq!(answer, expected.map(drop).map_err(str::to_owned), "{verb:?} of {status:?}");
        let untouched = expected.is_err() || matches!(verb, Run | TakeOver);
        assert_eq!(before == after, untouched, "{verb:?} of {status:?}: {before} {after}");
        if let Ok(now) = expected {
            assert_eq!(after["status"], now.as_str(), "{verb:?} of {status:?}");
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_edit_replaces_the_spec_and_raises_the_revision(mut conn: Conn) {
    let id = world(&mut conn).await.draft(&mut conn).await;
    let first = crate::support::get(&mut conn, id).await;
    let edited = edit(&mut conn, id, json!({"steps": []}), Some(1)).await.unwrap();
    assert_eq!((edited.version.revision, &edited.dag_spec), (2, &json!({"steps": []})));
    assert_eq!(edited.version.version, first.version.version);
    assert!(edited.version.updated_at > first.version.updated_at);
    assert_eq!(crate::support::get(&mut conn, id).await, edited);
    // What says the same is an edit too: whoever looked at revision 2 has not seen it.
    assert_eq!(edit(&mut conn, id, json!({"steps": []}), None).await.unwrap().version.revision, 3);

    let request = request(json!({"dag_spec": {}, "version": "renamed"}));
    let renamed = catalog::edit_version(&mut conn, Scope::All, id, &request).await.unwrap();
    assert_eq!((renamed.version.version.as_str(), renamed.version.revision), ("renamed", 4));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_older_revision_neither_overwrites_nor_is_approved(mut conn: Conn) {
    let id = world(&mut conn).await.draft(&mut conn).await;
    edit(&mut conn, id, json!({}), Some(1)).await.unwrap();
    let before = row(&mut conn, id).await;
    for revision in [1, 3] {
        let refused = edit(&mut conn, id, json!({"steps": ["z"]}), Some(revision)).await;
        assert!(matches!(refused, Err(EditVersionError::OtherRevision(2))), "{refused:?}");
        let request = request(json!({"status": "APPROVED", "revision": revision}));
        let refused = catalog::change_status(&mut conn, Scope::All, id, &request, None).await;
        assert!(matches!(refused, Err(ChangeStatusError::OtherRevision(2))), "{refused:?}");
    }
    assert_eq!(row(&mut conn, id).await, before);
    let request = request(json!({"status": "APPROVED", "revision": 2}));
    catalog::change_status(&mut conn, Scope::All, id, &request, None).await.unwrap();
}
