//! One table: every endpoint of the catalogue, asked in the name of another tenant, finds nothing and changes nothing.

use e2e::{Answer, Stack, id_of};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::World;

/// Everything that a tenant has in the catalogue.
async fn everything(stack: &Stack, tenant: Uuid) -> Value {
    sqlx::query_scalar(
        "select jsonb_build_array(
           (select jsonb_agg(to_jsonb(t) order by t.id) from tenants t where t.id = $1),
           (select jsonb_agg(to_jsonb(p) order by p.id) from pipelines p where p.tenant_id = $1),
           (select jsonb_agg(to_jsonb(v) order by v.id) from pipeline_versions v where v.tenant_id = $1),
           (select jsonb_agg(to_jsonb(c) order by c.id) from connections c where c.tenant_id = $1),
           (select jsonb_agg(to_jsonb(t) order by t.id) from pipeline_version_transitions t where t.tenant_id = $1),
           (select jsonb_agg(to_jsonb(s) order by s.id) from schedules s where s.tenant_id = $1),
           (select jsonb_agg(to_jsonb(l) order by l.id) from listeners l where l.tenant_id = $1),
           (select jsonb_agg(to_jsonb(r) order by r.id) from pipeline_runs r where r.tenant_id = $1))",
    )
    .bind(tenant)
    .fetch_one(&stack.db)
    .await
    .expect("the tenant's rows")
}

async fn ask(
    stack: &Stack,
    method: Method,
    path: &str,
    tenant: Option<Uuid>,
    body: Option<&Value>,
) -> Answer {
    let tenant = tenant.map(|id| id.to_string());
    let query: Vec<_> = tenant.iter().map(|id| ("tenant_id", id.as_str())).collect();
    let request = stack.request_with_query(method, path, &query);
    stack
        .answer(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
}

#[tokio::test]
async fn every_endpoint_finds_nothing_of_another_tenant() {
    let stack = Stack::connect().await;
    let (owner, stranger) = (World::new(&stack).await, World::new(&stack).await);
    let (draft, approved) =
        (owner.version_in(&stack, "DRAFT").await, owner.version_in(&stack, "APPROVED").await);
    let connection = owner.connection(&stack, "q").await;
    let schedule =
        json!({ "tenant_id": owner.tenant, "name": "s", "pipeline_id": owner.pipeline, "cron": "0 0 1 1 *" });
    let schedule = id_of(stack.post("/api/schedules", &schedule).await.expect(201));
    let webhook =
        json!({ "tenant_id": owner.tenant, "name": "w", "url": "https://example.com/", "secret_ref": "w" });
    let webhook = id_of(stack.post("/api/webhooks", &webhook).await.expect(201));
    let (tenant, pipeline) = (owner.tenant, owner.pipeline);
    let before = everything(&stack, owner.tenant).await;
    let strangers = everything(&stack, stranger.tenant).await;

    let narrowed: [(Method, String, Option<Value>, &str); 18] = [
        (Method::GET, format!("/api/tenants/{tenant}"), None, "tenant_not_found"),
        (
            Method::PATCH,
            format!("/api/tenants/{tenant}"),
            Some(json!({ "paused": true })),
            "tenant_not_found",
        ),
        (Method::GET, format!("/api/pipelines/{pipeline}"), None, "pipeline_not_found"),
        (
            Method::PATCH,
            format!("/api/pipelines/{pipeline}"),
            Some(json!({ "paused": true })),
            "pipeline_not_found",
        ),
        (Method::GET, format!("/api/pipeline-versions/{draft}"), None, "pipeline_version_not_found"),
        (Method::GET, format!("/api/pipeline-versions/{approved}"), None, "pipeline_version_not_found"),
        (
            Method::PUT,
            format!("/api/pipeline-versions/{draft}"),
            Some(json!({ "dag_spec": {} })),
            "pipeline_version_not_found",
        ),
        (
            Method::POST,
            format!("/api/pipeline-versions/{draft}/status"),
            Some(json!({ "status": "APPROVED" })),
            "pipeline_version_not_found",
        ),
        (
            Method::POST,
            format!("/api/pipeline-versions/{approved}/status"),
            Some(json!({ "status": "DEPRECATED" })),
            "pipeline_version_not_found",
        ),
        (Method::GET, format!("/api/connections/{connection}"), None, "connection_not_found"),
        (Method::DELETE, format!("/api/connections/{connection}"), None, "connection_not_found"),
        (Method::GET, format!("/api/schedules/{schedule}"), None, "schedule_not_found"),
        (
            Method::PATCH,
            format!("/api/schedules/{schedule}"),
            Some(json!({ "paused": true })),
            "schedule_not_found",
        ),
        (Method::DELETE, format!("/api/schedules/{schedule}"), None, "schedule_not_found"),
        (Method::GET, format!("/api/webhooks/{webhook}"), None, "webhook_not_found"),
        (
            Method::PATCH,
            format!("/api/webhooks/{webhook}"),
            Some(json!({ "paused": true })),
            "webhook_not_found",
        ),
        (Method::POST, format!("/api/webhooks/{webhook}/retry"), None, "webhook_not_found"),
        (Method::DELETE, format!("/api/webhooks/{webhook}"), None, "webhook_not_found"),
    ];
    for (method, path, body, code) in &narrowed {
        for tenant in [stranger.tenant, Uuid::now_v7()] {
            let answer = ask(&stack, method.clone(), path, Some(tenant), body.as_ref()).await;
            answer.expect_problem(404, code);
        }
    }

    // What a stranger makes with what is not his own.
    for (path, body, code) in [
        (
            "/api/pipeline-versions",
            json!({ "tenant_id": stranger.tenant, "pipeline_id": pipeline, "version": "x", "dag_spec": {} }),
            "pipeline_not_found",
        ),
        (
            "/api/pipeline-versions",
            json!({ "tenant_id": stranger.tenant, "pipeline_id": pipeline, "version": "x", "copy_of": approved }),
            "pipeline_not_found",
        ),
        (
            "/api/pipeline-versions",
            json!({ "tenant_id": stranger.tenant, "pipeline_id": stranger.pipeline, "version": "x", "copy_of": draft }),
            "pipeline_version_not_found",
        ),
        (
            "/api/pipeline-versions",
            json!({ "tenant_id": stranger.tenant, "pipeline_id": stranger.pipeline, "version": "x", "copy_of": approved }),
            "pipeline_version_not_found",
        ),
        (
            "/api/schedules",
            json!({ "tenant_id": stranger.tenant, "name": "x", "pipeline_id": pipeline, "cron": "0 0 * * *" }),
            "pipeline_not_found",
        ),
        (
            "/api/webhooks",
            json!({ "tenant_id": stranger.tenant, "name": "x", "url": "https://example.com/", "secret_ref": "x", "pipeline_id": pipeline }),
            "pipeline_not_found",
        ),
        (
            "/api/runs",
            json!({ "tenant_id": stranger.tenant, "pipeline_version_id": draft }),
            "pipeline_version_not_found",
        ),
        (
            "/api/runs",
            json!({ "tenant_id": stranger.tenant, "pipeline_version_id": approved }),
            "pipeline_version_not_found",
        ),
    ] {
        stack.post(path, &body).await.expect_problem(404, code);
    }

    for path in
        ["/api/pipelines", "/api/pipeline-versions", "/api/connections", "/api/schedules", "/api/webhooks"]
    {
        let answer = ask(&stack, Method::GET, path, Some(stranger.tenant), None).await;
        let items = answer.expect(200)["items"].as_array().expect("items");
        assert!(items.iter().all(|item| item["tenant_id"] == json!(stranger.tenant)), "{answer}");
    }
    let of_pipeline = [("tenant_id", stranger.tenant.to_string()), ("pipeline_id", pipeline.to_string())];
    let of_pipeline: Vec<_> = of_pipeline.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(stack.get_with("/api/pipeline-versions", &of_pipeline).await.expect(200)["count"], 0);

    assert_eq!(everything(&stack, owner.tenant).await, before);
    assert_eq!(everything(&stack, stranger.tenant).await, strangers);
    // The owner finds all of it, by name and without.
    for (method, path, body, _) in narrowed {
        let tenant = if path.ends_with("/status") { None } else { Some(owner.tenant) };
        let answer = ask(&stack, method, &path, tenant, body.as_ref()).await;
        assert!([200, 204].contains(&answer.status), "{answer}");
    }
}
