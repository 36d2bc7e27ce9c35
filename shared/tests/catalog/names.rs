//! Names that are taken, and patches.

use runplane::catalog::{
    self, ConnectionError, CreateConnectionError, CreatePipelineError, CreateVersionError, EditVersionError,
    UpdatePipelineError,
};
use runplane::scope::Scope;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Conn, connect, request, world};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_name_is_taken_once_in_its_tenant_or_pipeline(mut conn: Conn) {
    let (mine, theirs) = (world(&mut conn).await, world(&mut conn).await);
    let pipeline = |name: &str| request(json!({"tenant_id": mine.tenant, "name": name}));
    let taken = catalog::create_pipeline(&mut conn, &pipeline("P")).await;
    assert!(matches!(taken, Err(CreatePipelineError::NameTaken)), "{taken:?}");
    let other = catalog::create_pipeline(&mut conn, &pipeline("Q")).await.unwrap().id;
    let rename = request(json!({"name": "P"}));
    let taken = catalog::update_pipeline(&mut conn, Scope::All, other, &rename).await;
    assert!(matches!(taken, Err(UpdatePipelineError::NameTaken)), "{taken:?}");
    // Its own name is its own.
    catalog::update_pipeline(&mut conn, Scope::All, mine.pipeline, &rename).await.unwrap();

    let version = |world: crate::support::World, pipeline: Uuid, name: &str| {
        request(json!({"tenant_id": world.tenant, "pipeline_id": pipeline, "version": name, "dag_spec": {}}))
    };
    catalog::create_version(&mut conn, &version(mine, mine.pipeline, "1")).await.unwrap();
    let taken = catalog::create_version(&mut conn, &version(mine, mine.pipeline, "1")).await;
    assert!(matches!(taken, Err(CreateVersionError::VersionTaken)), "{taken:?}");
    catalog::create_version(&mut conn, &version(mine, other, "1")).await.unwrap();
    catalog::create_version(&mut conn, &version(theirs, theirs.pipeline, "1")).await.unwrap();
    let second = catalog::create_version(&mut conn, &version(mine, mine.pipeline, "2")).await.unwrap();
    let rename = request(json!({"dag_spec": {}, "version": "1"}));
    let taken = catalog::edit_version(&mut conn, Scope::All, second.version.id, &rename).await;
    assert!(matches!(taken, Err(EditVersionError::VersionTaken)), "{taken:?}");

    let connection = |world: crate::support::World| {
        request(
            json!({"tenant_id": world.tenant, "name": "f", "kind": "lambda", "config": {"function": "f"}}),
        )
    };
    let first = connect(&mut conn, &connection(mine)).await.unwrap().id;
    let taken = connect(&mut conn, &connection(mine)).await;
    assert!(matches!(taken, Err(CreateConnectionError::NameTaken)), "{taken:?}");
    connect(&mut conn, &connection(theirs)).await.unwrap();
    catalog::delete_connection(&mut conn, Scope::All, first).await.unwrap();
    let gone = catalog::delete_connection(&mut conn, Scope::All, first).await;
    assert!(matches!(gone, Err(ConnectionError::NotFound)), "{gone:?}");
    connect(&mut conn, &connection(mine)).await.unwrap();
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_patch_keeps_what_it_leaves_out_and_clears_what_is_null(mut conn: Conn) {
    let world = world(&mut conn).await;
    let everything = json!({"name": "N", "description": "D", "queue": "q", "max_running": 3, "paused": true});
    let shown = |pipeline: catalog::Pipeline| {
        let mut shown = json!(pipeline);
        shown.as_object_mut().unwrap().retain(|field, _| everything.get(field).is_some());
        shown
    };
    let mut expected =
        json!({"name": "P", "description": null, "queue": null, "max_running": null, "paused": false});
    let patches = [
        everything.clone(),
        json!({}),
        json!({"max_running": 0}),
        json!({"max_running": null}),
        json!({"description": null, "queue": null}),
        // What cannot be cleared is not changed by null.
        json!({"name": null, "paused": null}),
        json!({"paused": false}),
    ];
    for patch in patches {
        for (field, value) in patch.as_object().unwrap() {
            if !(value.is_null() && ["name", "paused"].contains(&field.as_str())) {
                expected[field] = value.clone();
            }
        }
        let update = request(patch.clone());
        let pipeline =
            catalog::update_pipeline(&mut conn, Scope::All, world.pipeline, &update).await.unwrap();
        assert_eq!(shown(pipeline), expected, "{patch}");
        let stored = catalog::get_pipeline(&mut conn, Scope::All, world.pipeline).await.unwrap();
        assert_eq!(shown(stored), expected, "{patch}");
    }
    let tenant = async |conn: &mut Conn, patch: Value| {
        let tenant = catalog::update_tenant(conn, Scope::All, world.tenant, &request(patch)).await.unwrap();
        (tenant.name, tenant.max_running, tenant.paused)
    };
    let set = json!({"name": "N", "max_running": 1, "paused": true});
    assert_eq!(tenant(&mut conn, set).await, ("N".into(), Some(1), true));
    assert_eq!(tenant(&mut conn, json!({})).await, ("N".into(), Some(1), true));
    assert_eq!(tenant(&mut conn, json!({"max_running": null})).await, ("N".into(), None, true));
}
