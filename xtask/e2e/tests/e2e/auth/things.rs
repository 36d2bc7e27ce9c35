//! What a tenant has, so that each endpoint finds something of it to act on; and a picture of all of it.

use e2e::{Stack, Tenant, id_of};
use serde_json::{Value, json};
use uuid::Uuid;

/// One of each kind.
#[derive(Clone, Debug)]
pub struct Things {
    pub tenant: Tenant,
    pub draft: Uuid,
    pub queued: Uuid,
    pub running: Uuid,
    pub token: Uuid,
    pub failed: Uuid,
    pub connection: Uuid,
    pub schedule: Uuid,
    pub webhook: Uuid,
    pub key: Uuid,
}

impl Things {
    /// Of a fresh tenant.
    pub async fn of_a_tenant(stack: &Stack) -> Self {
        let tenant = stack.tenant().await;
        let draft = stack.version(tenant.id, tenant.pipeline_id, "DRAFT", json!({ "steps": [] })).await;
        let [failed, running, queued] = [
            stack.created(&tenant, json!({ "priority": 9 })).await,
            stack.created(&tenant, json!({ "priority": 8 })).await,
            stack.created(&tenant, json!({})).await,
        ];
        let claim = stack.claimed(&tenant, json!({})).await;
        assert_eq!(id_of(&claim["run"]), failed);
        let token = &claim["run"]["lease_token"];
        stack.complete(failed, json!({ "status": "FAILED", "lease_token": token })).await.expect(200);
        let claim = stack.claimed(&tenant, json!({})).await;
        assert_eq!(id_of(&claim["run"]), running);
        let token = claim["run"]["lease_token"].as_str().and_then(|token| token.parse().ok());
        let [connection, schedule, webhook, key] = std::array::from_fn(|_| Uuid::now_v7());
        sqlx::query(
            "insert into connections (id, tenant_id, name, kind, config)
             values ($1, $2, 'one', 'http', '{\"base_url\": \"https://example.com\"}')",
        )
        .bind(connection)
        .bind(tenant.id)
        .execute(&stack.db)
        .await
        .expect("a connection");
        // Paused: nobody is to be sent anything.
        sqlx::query(
            "insert into listeners (id, tenant_id, name, url, secret_ref, paused)
             values ($1, $2, 'one', 'https://example.com/', 'one', true)",
        )
        .bind(webhook)
        .bind(tenant.id)
        .execute(&stack.db)
        .await
        .expect("a webhook");
        sqlx::query(
            "insert into schedules (id, tenant_id, name, pipeline_id, cron, time_zone, missed_runs, paused)
             values ($1, $2, 'one', $3, '0 0 1 1 *', 'UTC', 'latest', true)",
        )
        .bind(schedule)
        .bind(tenant.id)
        .bind(tenant.pipeline_id)
        .execute(&stack.db)
        .await
        .expect("a schedule");
        sqlx::query(
            "insert into api_keys (id, tenant_id, name, roles, secret_sha256, created_by)
             values ($1, $2, 'one', '{viewer}', sha256(uuid_send($1)), 'e2e')",
        )
        .bind(key)
        .bind(tenant.id)
        .execute(&stack.db)
        .await
        .expect("a key");
        Self {
            tenant,
            draft,
            queued,
            running,
            token: token.expect("a token"),
            failed,
            connection,
            schedule,
            webhook,
            key,
        }
    }

    /// Of nobody: what there is not.
    pub fn that_are_not() -> Self {
        let tenant = Tenant { id: Uuid::now_v7(), pipeline_id: Uuid::now_v7(), version_id: Uuid::now_v7() };
        let [draft, queued, running, token] = std::array::from_fn(|_| Uuid::now_v7());
        let [failed, connection, schedule, webhook, key] = std::array::from_fn(|_| Uuid::now_v7());
        Self { tenant, draft, queued, running, token, failed, connection, schedule, webhook, key }
    }
}

/// Everything that these tenants have, but for when keys were used.
pub async fn picture(stack: &Stack, tenants: &[Uuid]) -> Value {
    let mut picture = json!({});
    for (table, column) in [
        ("tenants", "id"),
        ("pipelines", "tenant_id"),
        ("pipeline_versions", "tenant_id"),
        ("pipeline_runs", "tenant_id"),
        ("run_steps", "tenant_id"),
        ("run_logs", "tenant_id"),
        ("run_artifacts", "tenant_id"),
        ("connections", "tenant_id"),
        ("schedules", "tenant_id"),
        ("listeners", "tenant_id"),
        ("api_keys", "tenant_id"),
        ("audit_log", "tenant_id"),
    ] {
        let all = format!(
            "select coalesce(jsonb_agg(to_jsonb(t) - 'last_used_at' order by to_jsonb(t)::text), '[]')
             from {table} t where {column} = any($1)"
        );
        let all = sqlx::query_scalar(sqlx::AssertSqlSafe(all)).bind(tenants).fetch_one(&stack.db).await;
        picture[table] = all.expect("rows");
    }
    picture
}
