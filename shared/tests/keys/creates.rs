//! Making keys.

use chrono::{SubsecRound as _, TimeDelta, Utc};
use runplane::auth::keys::{self, CreateKeyError, misfit};
use runplane::auth::{ApiKey, Role, Roles};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Conn, count, create, operator, principal, request, row, tenant};

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_key_is_stored_as_it_is_shown_but_for_its_secret(mut conn: Conn) {
    let tenant = tenant(&mut conn).await;
    let admin = principal(Some(tenant), Role::Admin);
    let expires_at = (Utc::now() + TimeDelta::days(90)).trunc_subsecs(6);
    let more = json!({"name": "nightly", "expires_at": expires_at});
    let wanted = request(Some(tenant), &[Role::Worker, Role::Viewer], more);
    let made = keys::create_key(&mut conn, &admin, &wanted).await.unwrap();
    let view = &made.view;
    assert_eq!((view.tenant_id, view.name.as_str()), (Some(tenant), "nightly"));
    assert_eq!(view.roles, [Role::Viewer, Role::Worker], "in their own order");
    assert_eq!((view.created_by.as_str(), view.expires_at), ("key:1 admin", Some(expires_at)));
    assert_eq!((view.revoked_at, &view.revoked_by, view.last_used_at), (None, &None, None));

    let key = ApiKey::parse(made.key.expose_secret()).unwrap();
    assert_eq!(key.id, view.id);
    let row = row(&mut conn, view.id).await;
    let digest: String = key.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(row["secret_sha256"], format!("\\x{digest}"));
    // Neither as it is sent, nor its bytes as Postgres writes them.
    let secret = &made.key.expose_secret()[36..];
    assert!(!row.to_string().contains(secret), "{row}");
    assert!(!format!("{made:?}").contains(secret));
    let sent = serde_json::to_value(&made).unwrap();
    assert_eq!(sent["key"], made.key.expose_secret());
    assert!(!sent.to_string().contains(&digest) && sent["id"] == json!(view.id), "{sent}");
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn roles_and_tenant_go_together_as_the_table_has_it(mut conn: Conn) {
    let tenant = tenant(&mut conn).await;
    for whose in [Some(tenant), None] {
        for bits in 1_u8..64 {
            let roles: Vec<_> = Role::ALL.into_iter().filter(|role| bits & (1 << *role as u8) != 0).collect();
            let possible = misfit(whose, Roles::of(&roles)).is_none();
            let made = create(&mut conn, whose, &roles).await;
            match &made {
                Ok(made) => assert_eq!((possible, &made.view.roles), (true, &roles)),
                Err(CreateKeyError::Misfit(_)) => assert!(!possible, "{whose:?} {roles:?}"),
                Err(other) => panic!("{whose:?} {roles:?}: {other}"),
            }
            // The table says the same to whoever comes around the verb.
            let names: Vec<_> = roles.iter().map(|role| role.as_str().to_owned()).collect();
            let insert = sqlx::query(
                "insert into api_keys (id, tenant_id, name, roles, secret_sha256, created_by) values ($1, $2, 'k', $3, sha256('x'), 'psql')",
            );
            let inserted =
                insert.bind(Uuid::now_v7()).bind(whose).bind(names).execute(&mut *conn).await.is_ok();
            assert_eq!(inserted, possible, "{whose:?} {roles:?}");
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_admin_makes_keys_of_its_tenant_and_an_operator_any(mut conn: Conn) {
    let (mine, other) = (tenant(&mut conn).await, tenant(&mut conn).await);
    let admin = principal(Some(mine), Role::Admin);
    for (by, whose, role, allowed) in [
        (&admin, Some(mine), Role::Approver, true),
        (&admin, Some(mine), Role::Admin, true),
        (&admin, Some(mine), Role::Operator, false),
        (&admin, None, Role::Operator, false),
        (&admin, None, Role::Worker, false),
        (&admin, Some(other), Role::Viewer, false),
        (&principal(Some(mine), Role::Approver), Some(mine), Role::Viewer, false),
        (&principal(None, Role::Worker), None, Role::Worker, false),
        (&operator(), None, Role::Operator, true),
        (&operator(), Some(other), Role::Admin, true),
    ] {
        let before = count(&mut conn).await;
        let made = keys::create_key(&mut conn, by, &request(whose, &[role], json!({}))).await;
        match &made {
            Ok(_) => assert!(allowed, "{by:?} {whose:?} {role}"),
            Err(CreateKeyError::Forbidden(_)) => assert!(!allowed, "{by:?} {whose:?} {role}"),
            Err(error) => panic!("{by:?} {whose:?} {role}: {error}"),
        }
        assert_eq!(count(&mut conn).await, before + i64::from(allowed));
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_key_expires_ahead_and_within_five_years(mut conn: Conn) {
    let tenant = tenant(&mut conn).await;
    for (offset, possible) in [
        ("-1 second", false),
        ("1 minute", true),
        ("5 years -1 minute", true),
        ("5 years 1 minute", false),
        ("900 years", false),
    ] {
        let time: Value = sqlx::query_scalar("select to_jsonb(now() + $1::text::interval)")
            .bind(offset)
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        for whose in [Some(tenant), None] {
            let wanted = request(whose, &[Role::Worker], json!({"expires_at": time}));
            let made = keys::create_key(&mut conn, &operator(), &wanted).await;
            match &made {
                Ok(_) => assert!(possible, "{offset}"),
                Err(CreateKeyError::ExpiresAt) => assert!(!possible, "{offset}"),
                Err(error) => panic!("{offset}: {error}"),
            }
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenant_that_does_not_exist_has_no_keys(mut conn: Conn) {
    let made = create(&mut conn, Some(Uuid::now_v7()), &[Role::Viewer]).await;
    assert!(matches!(made, Err(CreateKeyError::TenantNotFound)), "{made:?}");
    assert_eq!(count(&mut conn).await, 0);
}
