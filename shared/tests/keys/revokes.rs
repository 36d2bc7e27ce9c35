//! Revoking keys.

use runplane::auth::Role;
use runplane::auth::keys::{self, RevokeKeyError, Revoked};
use runplane::scope::Scope;
use uuid::Uuid;

use crate::support::{Conn, create, row, tenant};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn whoever_revokes_first_has_done_it(mut conn: Conn) {
    let tenant = tenant(&mut conn).await;
    let made = create(&mut conn, Some(tenant), &[Role::Viewer]).await.unwrap().view;
    let scope = Scope::Tenant(tenant);
    let first = keys::revoke_key(&mut conn, scope, made.id, "ann").await.unwrap();
    assert!(first.new && first.key.revoked_at.is_some());
    assert_eq!(first.key.revoked_by.as_deref(), Some("ann"));
    for (scope, by) in [(scope, "ann"), (Scope::All, "bob")] {
        let again = keys::revoke_key(&mut conn, scope, made.id, by).await.unwrap();
        assert_eq!(again, Revoked { key: first.key.clone(), new: false });
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_key_of_somebody_else_does_not_exist(mut conn: Conn) {
    let (mine, other) = (tenant(&mut conn).await, tenant(&mut conn).await);
    let theirs = create(&mut conn, Some(other), &[Role::Viewer]).await.unwrap().view.id;
    let nobodys = create(&mut conn, None, &[Role::Operator]).await.unwrap().view.id;
    let revoked = create(&mut conn, Some(other), &[Role::Viewer]).await.unwrap().view.id;
    keys::revoke_key(&mut conn, Scope::All, revoked, "ann").await.unwrap();
    for id in [theirs, nobodys, revoked, Uuid::now_v7()] {
        let refused = keys::revoke_key(&mut conn, Scope::Tenant(mine), id, "mallory").await;
        assert!(matches!(refused, Err(RevokeKeyError::NotFound)), "{refused:?}");
    }
    for id in [theirs, nobodys] {
        assert!(row(&mut conn, id).await["revoked_at"].is_null());
    }
    assert_eq!(row(&mut conn, revoked).await["revoked_by"], "ann");
    assert!(keys::revoke_key(&mut conn, Scope::All, nobodys, "op").await.unwrap().new);
}
