//! The verbs of webhooks, and whose they are.

use runplane::catalog::{
    self, BatchSize, CreateWebhookError, CreateWebhookRequest, Page, UpdateWebhookError,
    UpdateWebhookRequest, WebhookError, WebhookFilter,
};
use runplane::events::EventType;
use runplane::scope::Scope;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{queued, world};
use crate::telling::{Conn, details, fail, refused, take, webhook};

fn create(body: Value) -> CreateWebhookRequest {
    serde_json::from_value(body).unwrap()
}

fn update(body: Value) -> UpdateWebhookRequest {
    serde_json::from_value(body).unwrap()
}

const PAGE: Page = Page { limit: 20, cursor: None };

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_webhook_is_of_a_tenant_that_there_is_and_of_a_pipeline_of_its_own(mut conn: Conn) {
    let (mine, other) = (world(&mut conn).await, world(&mut conn).await);
    let base = json!({"tenant_id": mine.tenant, "name": "w", "url": "https://x.example/", "secret_ref": "s"});
    let with = |name: &str, value: Value| {
        let mut body = base.clone();
        body[name] = value;
        create(body)
    };
    let conn = &mut *conn;
    let refused = catalog::create_webhook(conn, &with("tenant_id", json!(Uuid::nil()))).await;
    assert!(matches!(refused, Err(CreateWebhookError::TenantNotFound)), "{refused:?}");
    let refused = catalog::create_webhook(conn, &with("pipeline_id", json!(other.pipeline))).await;
    assert!(matches!(refused, Err(CreateWebhookError::PipelineNotFound)), "{refused:?}");
    let made = catalog::create_webhook(conn, &with("event_types", json!(["run.failed"]))).await.unwrap();
    assert_eq!(made.event_types, Some(vec![EventType::Failed]));
    let refused = catalog::create_webhook(conn, &create(base.clone())).await;
    assert!(matches!(refused, Err(CreateWebhookError::NameTaken)), "{refused:?}");
    assert_eq!(details(conn, made.id).await.webhook, made);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_change_leaves_what_it_does_not_name(mut conn: Conn) {
    let (mine, other) = (world(&mut conn).await, world(&mut conn).await);
    let before = webhook(
        &mut conn,
        mine,
        json!({"name": "a", "event_types": ["run.failed"], "pipeline_id": mine.pipeline}),
    )
    .await;
    let taken = webhook(&mut conn, mine, json!({"name": "b"})).await;
    let conn = &mut *conn;
    let same = catalog::update_webhook(conn, Scope::All, before.id, &update(json!({}))).await.unwrap();
    assert_eq!(same, before);
    let changed = update(
        json!({"name": "c", "event_types": null, "pipeline_id": null, "paused": true, "secret_ref": "t"}),
    );
    let after = catalog::update_webhook(conn, Scope::All, before.id, &changed).await.unwrap();
    assert_eq!(
        (after.name.as_str(), after.event_types, after.pipeline_id, after.paused, after.secret_ref.as_str()),
        ("c", None, None, true, "t")
    );
    let refused = catalog::update_webhook(conn, Scope::All, taken.id, &update(json!({"name": "c"}))).await;
    assert!(matches!(refused, Err(UpdateWebhookError::NameTaken)), "{refused:?}");
    let foreign = update(json!({"pipeline_id": other.pipeline}));
    let refused = catalog::update_webhook(conn, Scope::All, taken.id, &foreign).await;
    assert!(matches!(refused, Err(UpdateWebhookError::PipelineNotFound)), "{refused:?}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn another_url_is_not_opened_to_private_addresses(mut conn: Conn) {
    let world = world(&mut conn).await;
    let webhook = webhook(&mut conn, world, json!({})).await;
    sqlx::query("update listeners set allow_private_addresses = true").execute(&mut *conn).await.unwrap();
    let open = async |conn: &mut Conn| -> bool {
        sqlx::query_scalar("select allow_private_addresses from listeners")
            .fetch_one(&mut **conn)
            .await
            .unwrap()
    };
    let same = update(json!({"url": webhook.url, "paused": false}));
    catalog::update_webhook(&mut conn, Scope::All, webhook.id, &same).await.unwrap();
    assert!(open(&mut conn).await);
    let other = update(json!({"url": "https://10.0.0.1/"}));
    catalog::update_webhook(&mut conn, Scope::All, webhook.id, &other).await.unwrap();
    assert!(!open(&mut conn).await);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_stranger_finds_nothing_and_changes_nothing(mut conn: Conn) {
    let (owner, stranger) = (world(&mut conn).await, world(&mut conn).await);
    let id = webhook(&mut conn, owner, json!({})).await.id;
    queued(&mut conn, owner, "").await;
    let scope = Scope::Tenant(stranger.tenant);
    let all =
        "select jsonb_build_array(jsonb_agg(l), (select jsonb_agg(d) from deliveries d)) from listeners l";
    let before: Value = sqlx::query_scalar(all).fetch_one(&mut *conn).await.unwrap();
    let conn = &mut *conn;
    let got = catalog::get_webhook(conn, scope, id).await.err();
    assert!(matches!(got, Some(WebhookError::NotFound)), "{got:?}");
    let changed = catalog::update_webhook(conn, scope, id, &update(json!({"paused": true}))).await.err();
    assert!(matches!(changed, Some(UpdateWebhookError::NotFound)), "{changed:?}");
    let retried = catalog::retry_deliveries(conn, scope, id).await.err();
    assert!(matches!(retried, Some(WebhookError::NotFound)), "{retried:?}");
    let deleted = catalog::delete_webhook(conn, scope, id).await.err();
    assert!(matches!(deleted, Some(WebhookError::NotFound)), "{deleted:?}");
    let listed = catalog::list_webhooks(conn, scope, &WebhookFilter::default(), &PAGE).await.unwrap();
    assert_eq!(listed.count, 0);
    let after: Value = sqlx::query_scalar(all).fetch_one(&mut *conn).await.unwrap();
    assert_eq!(before, after);
    let (own, filter) = (Scope::Tenant(owner.tenant), WebhookFilter::default());
    assert_eq!(catalog::list_webhooks(conn, own, &filter, &PAGE).await.unwrap().count, 1);
}

/// Its row is among the webhooks, and nobody's webhook.
#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_bus_is_no_webhook(mut conn: Conn) {
    runplane::events::keep_bus(&mut conn, true).await.unwrap();
    let (conn, bus) = (&mut *conn, runplane::events::BUS);
    let listed = catalog::list_webhooks(conn, Scope::All, &WebhookFilter::default(), &PAGE).await.unwrap();
    assert_eq!(listed.count, 0);
    assert!(catalog::get_webhook(conn, Scope::All, bus).await.is_err());
    assert!(catalog::update_webhook(conn, Scope::All, bus, &update(json!({"paused": true}))).await.is_err());
    assert!(catalog::retry_deliveries(conn, Scope::All, bus).await.is_err());
    assert!(catalog::delete_webhook(conn, Scope::All, bus).await.is_err());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenant_goes_with_its_webhooks_and_what_they_were_to_be_told(mut conn: Conn) {
    let (mine, other) = (world(&mut conn).await, world(&mut conn).await);
    runplane::events::keep_bus(&mut conn, true).await.unwrap();
    for pipeline in [json!({}), json!({"pipeline_id": mine.pipeline})] {
        webhook(&mut conn, mine, pipeline).await;
    }
    webhook(&mut conn, other, json!({})).await;
    queued(&mut conn, mine, "").await;
    queued(&mut conn, other, "").await;
    let taken = take(&mut conn).await;
    fail(&mut conn, &taken, refused()).await;
    let size = BatchSize { runs: 1, rows: 1, things: 1, ..BatchSize::default() };
    for _ in 0..50 {
        let mut tx = sqlx::Connection::begin(&mut *conn).await.unwrap();
        let done = catalog::delete_tenant(&mut tx, Scope::All, mine.tenant, "T", "test", size).await;
        tx.commit().await.unwrap();
        if done.unwrap().done {
            break;
        }
    }
    let left: Vec<(String, Option<Uuid>)> = sqlx::query_as(
        "select 'listener', tenant_id from listeners union all select 'delivery', tenant_id from deliveries order by 1, 2",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let expected = [
        ("delivery".to_owned(), Some(other.tenant)),
        ("delivery".to_owned(), Some(other.tenant)),
        ("listener".to_owned(), Some(other.tenant)),
        ("listener".to_owned(), None),
    ];
    assert_eq!(left, expected);
}
