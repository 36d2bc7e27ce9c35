//! What is noted of a change: what was there before it, under a lock, in the scope of whoever makes it.

use runplane::audit::{Limits, limits_of_pipeline, limits_of_tenant};
use runplane::catalog;
use runplane::scope::Scope;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::support::{Conn, tenant};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_change_is_noted_from_what_was_to_what_is(mut conn: Conn) {
    let (mine, other) = (tenant(&mut conn).await, tenant(&mut conn).await);
    let scope = Scope::Tenant(mine);
    let before = limits_of_tenant(&mut conn, scope, mine).await.unwrap().unwrap();
    let request = serde_json::from_value(json!({"max_running": 3, "paused": false})).unwrap();
    let changed = catalog::update_tenant(&mut conn, scope, mine, &request).await.unwrap();
    let details = before.changed_to(&Limits::from(&changed));
    assert_eq!(details, Some(json!({"max_running": {"from": null, "to": 3}})));
    assert_eq!(limits_of_tenant(&mut conn, scope, mine).await.unwrap(), Some(Limits::from(&changed)));

    let request = serde_json::from_value(json!({"tenant_id": mine, "name": "P", "queue": "q"})).unwrap();
    let pipeline = catalog::create_pipeline(&mut conn, &request).await.unwrap().id;
    let before = limits_of_pipeline(&mut conn, scope, pipeline).await.unwrap().unwrap();
    let request = serde_json::from_value(json!({"name": "R", "queue": null, "description": "d"})).unwrap();
    let changed = catalog::update_pipeline(&mut conn, scope, pipeline, &request).await.unwrap();
    assert_eq!(
        before.changed_to(&Limits::from(&changed)),
        Some(json!({"name": {"from": "P", "to": "R"}, "queue": {"from": "q", "to": null}}))
    );

    let stranger = Scope::Tenant(other);
    assert_eq!(limits_of_tenant(&mut conn, stranger, mine).await.unwrap(), None);
    assert_eq!(limits_of_pipeline(&mut conn, stranger, pipeline).await.unwrap(), None);
    assert!(limits_of_pipeline(&mut conn, Scope::All, pipeline).await.unwrap().is_some());
    assert_eq!(limits_of_tenant(&mut conn, Scope::All, Uuid::now_v7()).await.unwrap(), None);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn two_changes_are_noted_one_after_the_other(pool: PgPool) {
    let id = tenant(&mut pool.acquire().await.unwrap()).await;
    let set = |most: i32| serde_json::from_value(json!({"max_running": most})).unwrap();
    let mut first = pool.begin().await.unwrap();
    limits_of_tenant(&mut first, Scope::All, id).await.unwrap();
    let second = tokio::spawn({
        let pool = pool.clone();
        async move {
            let mut second = pool.begin().await.unwrap();
            let before = limits_of_tenant(&mut second, Scope::All, id).await.unwrap().unwrap();
            second.commit().await.unwrap();
            before.max_running
        }
    });
    // It waits for the first one's end.
    let waiting = "select exists (select from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database())";
    while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&pool).await.unwrap() {
        tokio::task::yield_now().await;
    }
    catalog::update_tenant(&mut first, Scope::All, id, &set(7)).await.unwrap();
    first.commit().await.unwrap();
    assert_eq!(second.await.unwrap(), Some(7));
}
