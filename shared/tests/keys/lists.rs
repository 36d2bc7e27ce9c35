//! Listing keys.

use runplane::audit::AuditFilter;
use runplane::auth::Role;
use runplane::auth::keys::{self, KeyFilter};
use runplane::catalog::{Page, TenantFilter};
use runplane::cursor::Cursor;
use runplane::scope::Scope;
use uuid::Uuid;

use crate::support::{Conn, FIRST, create, tenant};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn everybody_sees_the_keys_of_his_tenant_and_an_operator_all(mut conn: Conn) {
    let (mine, other) = (tenant(&mut conn).await, tenant(&mut conn).await);
    let mut ids = Vec::new();
    for whose in [Some(mine), Some(other), None] {
        let role = if whose.is_some() { Role::Admin } else { Role::Operator };
        ids.push(create(&mut conn, whose, &[role]).await.unwrap().view.id);
    }
    keys::revoke_key(&mut conn, Scope::All, ids[0], "ann").await.unwrap();
    for (scope, expected) in [
        (Scope::Tenant(mine), vec![ids[0]]),
        (Scope::Tenant(other), vec![ids[1]]),
        (Scope::Tenant(Uuid::now_v7()), vec![]),
        (Scope::All, vec![ids[2], ids[1], ids[0]]),
    ] {
        let list = keys::list_keys(&mut conn, scope, KeyFilter, &FIRST).await.unwrap();
        assert_eq!(list.items.iter().map(|key| key.id).collect::<Vec<_>>(), expected, "{scope:?}");
        assert_eq!((list.count, list.next_cursor), (expected.len(), None));
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn cursors_walk_every_key_once_while_more_arrive(mut conn: Conn) {
    let tenant = tenant(&mut conn).await;
    let mut made = Vec::new();
    for _ in 0..7 {
        made.push(create(&mut conn, Some(tenant), &[Role::Viewer]).await.unwrap().view.id);
    }
    // What was created at one instant is told apart by its id.
    let sql = "update api_keys set created_at = date_trunc('hour', now())";
    sqlx::query(sql).execute(&mut *conn).await.unwrap();
    let scope = Scope::Tenant(tenant);
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = Page { limit: 3, cursor };
        let list = keys::list_keys(&mut conn, scope, KeyFilter, &page).await.unwrap();
        seen.extend(list.items.iter().map(|key| key.id));
        create(&mut conn, Some(tenant), &[Role::Viewer]).await.unwrap();
        let Some(text) = list.next_cursor else { break };
        cursor = Some(Cursor::decode(&text, scope, &KeyFilter).unwrap());
        assert!(Cursor::decode(&text, Scope::All, &KeyFilter).is_err());
        assert!(Cursor::decode(&text, scope, &AuditFilter::default()).is_err());
        assert!(Cursor::decode(&text, scope, &TenantFilter).is_err());
    }
    made.reverse();
    assert_eq!(seen, made);
}
