//! One table: every verb of the catalogue, asked by a tenant about another's things, finds nothing and changes nothing.

use runplane::catalog::{self, CreateVersionError};
use runplane::dag::ParamsCache;
use runplane::runs::{self, CreateError};
use runplane::scope::Scope;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::support::{Conn, connect, request, row, world};

/// Everything that the catalogue holds, as JSON.
async fn everything(conn: &mut PgConnection) -> Value {
    sqlx::query_scalar(
        "select jsonb_build_array(
           (select jsonb_agg(to_jsonb(t) order by t.id) from tenants t),
           (select jsonb_agg(to_jsonb(p) order by p.id) from pipelines p),
           (select jsonb_agg(to_jsonb(v) order by v.id) from pipeline_versions v),
           (select jsonb_agg(to_jsonb(c) order by c.id) from connections c),
           (select jsonb_agg(to_jsonb(s) order by s.id) from schedules s),
           (select jsonb_agg(to_jsonb(l) order by l.id) from listeners l),
           (select jsonb_agg(to_jsonb(d) order by d.id) from deliveries d),
           (select jsonb_agg(to_jsonb(t) order by t.id) from pipeline_version_transitions t),
           (select count(*) from pipeline_runs))",
    )
    .fetch_one(conn)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_stranger_finds_nothing_and_changes_nothing(mut conn: Conn) {
    let (owner, stranger) = (world(&mut conn).await, world(&mut conn).await);
    let version = owner.draft(&mut conn).await;
    let connection = request(json!({
        "tenant_id": owner.tenant, "name": "q", "kind": "sqs", "config": {"queue_url": "https://sqs.example.com/000000000001/q"},
    }));
    let connection = connect(&mut conn, &connection).await.unwrap().id;
    let schedule = uuid::Uuid::now_v7();
    sqlx::query(
        "insert into schedules (id, tenant_id, name, pipeline_id, cron, time_zone, missed_runs, next_due_at)
         values ($1, $2, 'S', $3, '* * * * *', 'UTC', 'all', now())",
    )
    .bind(schedule)
    .bind(owner.tenant)
    .bind(owner.pipeline)
    .execute(&mut *conn)
    .await
    .unwrap();
    let [webhook, strangers] = [owner, stranger].map(|of| {
        request(json!({
            "tenant_id": of.tenant, "name": "w", "url": "https://hooks.example.com/", "secret_ref": "hooks",
        }))
    });
    let webhook = catalog::create_webhook(&mut conn, &webhook).await.unwrap().id;
    let strangers = catalog::create_webhook(&mut conn, &strangers).await.unwrap().id;
    // Something that it could not be told.
    sqlx::query(
        "insert into deliveries (listener_id, tenant_id, run_id, event_id, event_type, data, given_up)
         values ($1, $2, $1, $1, 'run.queued', '{}', true)",
    )
    .bind(webhook)
    .bind(owner.tenant)
    .execute(&mut *conn)
    .await
    .unwrap();
    let scope = Scope::Tenant(stranger.tenant);
    let before = everything(&mut conn).await;
    let told = |error: &dyn std::error::Error| error.to_string();
    let conn = &mut *conn;

    let (empty, cache) = (json!({}), ParamsCache::default());
    let (tenant, pipeline) = (owner.tenant, owner.pipeline);
    let answers: [(&str, Option<String>); 21] = [
        ("get_tenant", catalog::get_tenant(conn, scope, tenant).await.err().map(|e| told(&e))),
        (
            "update_tenant",
            catalog::update_tenant(conn, scope, tenant, &request(empty.clone())).await.err().map(|e| told(&e)),
        ),
        ("get_pipeline", catalog::get_pipeline(conn, scope, pipeline).await.err().map(|e| told(&e))),
        (
            "update_pipeline",
            catalog::update_pipeline(conn, scope, pipeline, &request(empty)).await.err().map(|e| told(&e)),
        ),
        ("get_version", catalog::get_version(conn, scope, version).await.err().map(|e| told(&e))),
        (
            "edit_version",
            catalog::edit_version(conn, scope, version, &request(json!({"dag_spec": {}})))
                .await
                .err()
                .map(|e| told(&e)),
        ),
        (
            "change_status",
            catalog::change_status(conn, scope, version, &request(json!({"status": "APPROVED"})), None)
                .await
                .err()
                .map(|e| told(&e)),
        ),
        ("get_connection", catalog::get_connection(conn, scope, connection).await.err().map(|e| told(&e))),
        ("delete_connection", catalog::delete_connection(conn, scope, connection).await.err().map(|e| told(&e))),
        ("get_schedule", catalog::get_schedule(conn, scope, schedule).await.err().map(|e| told(&e))),
        (
            "update_schedule",
            catalog::update_schedule(conn, &cache, scope, schedule, &request(json!({"paused": true})))
                .await
                .err()
                .map(|e| told(&e)),
        ),
        ("delete_schedule", catalog::delete_schedule(conn, scope, schedule).await.err().map(|e| told(&e))),
        (
            "create_schedule of the owner's pipeline",
            catalog::create_schedule(
                conn,
                &cache,
                &request(json!({
                    "tenant_id": stranger.tenant, "name": "S", "pipeline_id": pipeline, "cron": "* * * * *",
                })),
            )
            .await
            .err()
            .map(|e| told(&e)),
        ),
        ("get_webhook", catalog::get_webhook(conn, scope, webhook).await.err().map(|e| told(&e))),
        (
            "update_webhook",
            catalog::update_webhook(conn, scope, webhook, &request(json!({"url": "https://stranger.example/"})))
                .await
                .err()
                .map(|e| told(&e)),
        ),
        ("retry_deliveries", catalog::retry_deliveries(conn, scope, webhook).await.err().map(|e| told(&e))),
        ("delete_webhook", catalog::delete_webhook(conn, scope, webhook).await.err().map(|e| told(&e))),
        (
            "create_webhook of the owner's pipeline",
            catalog::create_webhook(
                conn,
                &request(json!({
                    "tenant_id": stranger.tenant, "name": "of a pipeline", "url": "https://stranger.example/",
                    "secret_ref": "hooks", "pipeline_id": pipeline,
                })),
            )
            .await
            .err()
            .map(|e| told(&e)),
        ),
        (
            "update_webhook to the owner's pipeline",
            catalog::update_webhook(conn, scope, strangers, &request(json!({"pipeline_id": pipeline})))
                .await
                .err()
                .map(|e| told(&e)),
        ),
        (
            "create_version of the owner's pipeline",
            catalog::create_version(
                conn,
                &request(json!({"tenant_id": stranger.tenant, "pipeline_id": pipeline, "version": "1", "dag_spec": {}})),
            )
            .await
            .err()
            .map(|e| told(&e)),
        ),
        (
            "create_version as a copy",
            catalog::create_version(
                conn,
                &request(json!({
                    "tenant_id": stranger.tenant, "pipeline_id": stranger.pipeline, "version": "1", "copy_of": version,
                })),
            )
            .await
            .err()
            .map(|e| told(&e)),
        ),
    ];
    for (verb, answer) in answers {
        assert!(answer.as_ref().is_some_and(|told| told.ends_with("not found")), "{verb}: {answer:?}");
    }
    let page = catalog::Page { limit: 100, cursor: None };
    let pipelines = catalog::list_pipelines(conn, scope, &Default::default(), &page).await.unwrap();
    assert!(pipelines.items.iter().all(|one| one.tenant_id == stranger.tenant), "{pipelines:?}");
    assert_eq!(catalog::list_versions(conn, scope, &Default::default(), &page).await.unwrap().count, 0);
    assert_eq!(catalog::list_connections(conn, scope, &Default::default(), &page).await.unwrap().count, 0);
    assert_eq!(catalog::list_schedules(conn, scope, &Default::default(), &page).await.unwrap().count, 0);
    let webhooks = catalog::list_webhooks(conn, scope, &Default::default(), &page).await.unwrap();
    assert_eq!(webhooks.items.iter().map(|one| one.id).collect::<Vec<_>>(), [strangers]);
    let ticked = catalog::tick_schedule(conn, &cache, scope, schedule).await.unwrap();
    assert_eq!(ticked, catalog::Ticked::default());
    assert_eq!(everything(conn).await, before);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_version_of_another_tenant_is_neither_run_nor_copied_whatever_its_status(mut conn: Conn) {
    let (owner, stranger) = (world(&mut conn).await, world(&mut conn).await);
    for status in catalog::VersionStatus::ALL {
        let version = owner.version_in(&mut conn, status).await;
        let before = row(&mut conn, version).await;
        let run = request(json!({"tenant_id": stranger.tenant, "pipeline_version_id": version}));
        let run = runs::create(&mut conn, &ParamsCache::default(), &run, None).await;
        assert!(matches!(run, Err(CreateError::VersionNotFound)), "{run:?}");
        for pipeline in [owner.pipeline, stranger.pipeline] {
            let copy = request(json!({
                "tenant_id": stranger.tenant, "pipeline_id": pipeline, "version": "1", "copy_of": version,
            }));
            let copy = catalog::create_version(&mut conn, &copy).await;
            let expected = match &copy {
                Err(CreateVersionError::PipelineNotFound) => pipeline == owner.pipeline,
                Err(CreateVersionError::SourceNotFound) => pipeline == stranger.pipeline,
                _ => false,
            };
            assert!(expected, "{copy:?}");
        }
        assert_eq!(row(&mut conn, version).await, before);
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenant_that_does_not_exist_has_no_catalogue(mut conn: Conn) {
    let owner = world(&mut conn).await;
    let nobody = uuid::Uuid::now_v7();
    let pipeline = request(json!({"tenant_id": nobody, "name": "P"}));
    let pipeline = catalog::create_pipeline(&mut conn, &pipeline).await;
    assert!(matches!(pipeline, Err(catalog::CreatePipelineError::TenantNotFound)), "{pipeline:?}");
    let version =
        request(json!({"tenant_id": nobody, "pipeline_id": owner.pipeline, "version": "1", "dag_spec": {}}));
    let version = catalog::create_version(&mut conn, &version).await;
    assert!(matches!(version, Err(CreateVersionError::TenantNotFound)), "{version:?}");
    let connection =
        request(json!({"tenant_id": nobody, "name": "q", "kind": "lambda", "config": {"function": "f"}}));
    let connection = connect(&mut conn, &connection).await;
    assert!(matches!(connection, Err(catalog::CreateConnectionError::TenantNotFound)), "{connection:?}");
}
