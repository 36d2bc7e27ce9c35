//! The lists on 40,000 keys and entries: each uses the index that was made for it.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::support::Conn;

const SEED: &str = "
    insert into tenants (id, name) select uuidv7(), 'T' from generate_series(1, 20);
    insert into api_keys (id, tenant_id, name, roles, secret_sha256, created_by, created_at)
      select uuidv7(), t.id, 'k', '{viewer}', sha256('x'), 'seed', now() - n * interval '1 s'
      from tenants t, generate_series(1, 2000) n;
    insert into audit_log (id, tenant_id, principal, request_id, action, at)
      select uuidv7(), t.id, 'seed', '', 'key.created', now() - n * interval '1 s'
      from tenants t, generate_series(1, 2000) n;
    analyze tenants, api_keys, audit_log";

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn lists_use_their_indexes(mut conn: Conn) {
    sqlx::raw_sql(SEED).execute(&mut *conn).await.unwrap();
    let tenant: Uuid =
        sqlx::query_scalar("select id from tenants limit 1").fetch_one(&mut *conn).await.unwrap();
    let id = Uuid::now_v7();
    let keys = include_str!("../../sql/list_keys.sql");
    let audit = include_str!("../../sql/list_audit.sql");
    for (sql, arguments, index) in [
        (keys, "null, null, null, 21".to_owned(), "api_keys_list"),
        (keys, format!("null, now(), '{id}', 21"), "api_keys_list"),
        (keys, format!("'{tenant}', null, null, 21"), "api_keys_of_tenant"),
        (keys, format!("'{tenant}', now(), '{id}', 21"), "api_keys_of_tenant"),
        (audit, "null, null, null, null, null, null, 21".to_owned(), "audit_log_list"),
        (
            audit,
            format!("null, 'key.created', now() - interval '1 h', now(), now(), '{id}', 21"),
            "audit_log_list",
        ),
        (audit, format!("'{tenant}', null, null, null, null, null, 21"), "audit_log_of_tenant"),
        (audit, format!("'{tenant}', 'key.created', null, null, now(), '{id}', 21"), "audit_log_of_tenant"),
        (
            audit,
            format!("'{tenant}', null, now() - interval '1 min', now(), null, null, 21"),
            "audit_log_of_tenant",
        ),
    ] {
        let explain = AssertSqlSafe(format!(
            "set role runplane_functions; set plan_cache_mode = force_custom_plan; set jit = off; deallocate all; prepare statement as {sql}; \
             explain (costs off) execute statement ({arguments}); reset role"
        ));
        let rows = sqlx::raw_sql(explain).fetch_all(&mut *conn).await.unwrap();
        let plan: Vec<_> = rows.iter().map(|row| sqlx::Row::get::<String, _>(row, 0)).collect();
        let plan = plan.join("\n");
        let uses = plan.contains(&format!("using {index} "))
            || plan.lines().any(|line| line.ends_with(&format!("on {index}")));
        assert!(
            uses && !plan.contains("Seq Scan") && !plan.contains("Sort"),
            "{arguments}: no {index}\n{plan}"
        );
    }
}
