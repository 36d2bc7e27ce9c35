//! The audit log: entries come, and stay.

use chrono::{DateTime, Utc};
use runplane::audit::{self, Action, AuditFilter, Entry};
use runplane::catalog::Page;
use runplane::cursor::Cursor;
use runplane::scope::Scope;
use serde_json::{Value, json};
use sqlx::{Acquire as _, AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::support::{Conn, FIRST, tenant};

async fn note(conn: &mut PgConnection, tenant: Option<Uuid>, action: Action) -> Uuid {
    let subject = Uuid::now_v7();
    let details = json!({"name": "n"});
    let (principal, request_id) = ("key:1 ann", "r-1");
    let entry = Entry { tenant, principal, request_id, action, subject: Some(subject), details };
    audit::record(conn, &entry).await.unwrap();
    subject
}

async fn everything(conn: &mut PgConnection) -> Value {
    let sql = "select coalesce(jsonb_agg(to_jsonb(a) order by a.at, a.id), '[]') from audit_log a";
    sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
}

async fn subjects(conn: &mut PgConnection, scope: Scope, filter: &AuditFilter) -> Vec<Uuid> {
    let list = audit::list(conn, scope, filter, &FIRST).await.unwrap();
    list.items.into_iter().filter_map(|entry| entry.subject_id).collect()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_entry_says_who_did_what_and_outlives_the_tenant(mut conn: Conn) {
    let tenant = tenant(&mut conn).await;
    let subject = note(&mut conn, Some(tenant), Action::KeyCreated).await;
    sqlx::query("delete from tenants where id = $1").bind(tenant).execute(&mut *conn).await.unwrap();
    let list = audit::list(&mut conn, Scope::Tenant(tenant), &AuditFilter::default(), &FIRST).await.unwrap();
    let mut entry = serde_json::to_value(&list.items[0]).unwrap();
    let fields = entry.as_object_mut().unwrap();
    let id: Uuid = fields.remove("id").unwrap().as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert!(fields.remove("at").unwrap().is_string());
    assert_eq!(
        entry,
        json!({
            "tenant_id": tenant, "principal": "key:1 ann", "request_id": "r-1", "action": "key.created", "subject_id": subject,
            "details": {"name": "n"}
        })
    );
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_action_can_be_noted_and_found(mut conn: Conn) {
    for action in Action::ALL {
        let subject = note(&mut conn, None, action).await;
        let filter = AuditFilter { action: Some(action), ..AuditFilter::default() };
        assert_eq!(subjects(&mut conn, Scope::All, &filter).await, [subject], "{action:?}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_entry_is_neither_changed_nor_removed(mut conn: Conn) {
    note(&mut conn, None, Action::KeyRevoked).await;
    let before = everything(&mut conn).await;
    for statement in [
        "update audit_log set principal = 'mallory'",
        "update audit_log set at = at",
        "delete from audit_log",
        "truncate audit_log",
        "truncate audit_log cascade",
        "insert into audit_log select * from audit_log on conflict (id) do update set principal = 'mallory'",
        "merge into audit_log a using (select 1) one on true when matched then delete",
    ] {
        let refused = sqlx::query(AssertSqlSafe(statement)).execute(&mut *conn).await.unwrap_err();
        let message = refused.as_database_error().unwrap().message().to_owned();
        assert_eq!(message, "audit_log is append-only", "{statement}");
        assert_eq!(everything(&mut conn).await, before, "{statement}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn details_are_an_object(mut conn: Conn) {
    let entry = Entry {
        tenant: None,
        principal: "open",
        request_id: "",
        action: Action::TenantCreated,
        subject: None,
        details: json!(["a"]),
    };
    assert!(audit::record(&mut conn, &entry).await.is_err());
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_did_not_happen_is_not_noted(mut conn: Conn) {
    let mut transaction = conn.begin().await.unwrap();
    note(&mut transaction, None, Action::RunCancelled).await;
    transaction.rollback().await.unwrap();
    assert_eq!(everything(&mut conn).await, json!([]));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_tenant_sees_what_was_done_to_its_things_and_an_operator_everything(mut conn: Conn) {
    let (mine, other) = (Uuid::now_v7(), Uuid::now_v7());
    let first = note(&mut conn, Some(mine), Action::VersionApproved).await;
    let foreign = note(&mut conn, Some(other), Action::VersionApproved).await;
    let nobodys = note(&mut conn, None, Action::KeyCreated).await;
    let second = note(&mut conn, Some(mine), Action::RunRetried).await;
    let filter = AuditFilter::default();
    assert_eq!(subjects(&mut conn, Scope::Tenant(mine), &filter).await, [second, first]);
    assert_eq!(subjects(&mut conn, Scope::All, &filter).await, [second, nobodys, foreign, first]);
    let approved = AuditFilter { action: Some(Action::VersionApproved), ..filter };
    assert_eq!(subjects(&mut conn, Scope::Tenant(mine), &approved).await, [first]);
    assert_eq!(subjects(&mut conn, Scope::All, &approved).await, [foreign, first]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn since_is_inclusive_and_until_is_not(mut conn: Conn) {
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(note(&mut conn, None, Action::KeyCreated).await);
    }
    let list = audit::list(&mut conn, Scope::All, &AuditFilter::default(), &FIRST).await.unwrap();
    let at: Vec<DateTime<Utc>> = list.items.iter().rev().map(|entry| entry.at).collect();
    assert!(at.is_sorted() && at[0] < at[1] && at[1] < at[2], "{at:?}");
    for (since, until, expected) in [
        (Some(at[1]), None, vec![made[2], made[1]]),
        (None, Some(at[1]), vec![made[0]]),
        (Some(at[0]), Some(at[2]), vec![made[1], made[0]]),
        (Some(at[2]), Some(at[2]), vec![]),
    ] {
        let filter = AuditFilter { action: None, since, until };
        assert_eq!(subjects(&mut conn, Scope::All, &filter).await, expected, "{filter:?}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn cursors_walk_every_entry_once_while_more_arrive(mut conn: Conn) {
    let tenant = Uuid::now_v7();
    let mut made = Vec::new();
    // In one transaction they have one time.
    let mut transaction = conn.begin().await.unwrap();
    for _ in 0..7 {
        made.push(note(&mut transaction, Some(tenant), Action::KeyCreated).await);
    }
    transaction.commit().await.unwrap();
    let (scope, filter) = (Scope::Tenant(tenant), AuditFilter::default());
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = Page { limit: 3, cursor };
        let list = audit::list(&mut conn, scope, &filter, &page).await.unwrap();
        seen.extend(list.items.iter().filter_map(|entry| entry.subject_id));
        note(&mut conn, Some(tenant), Action::KeyCreated).await;
        let Some(text) = list.next_cursor else { break };
        cursor = Some(Cursor::decode(&text, scope, &filter).unwrap());
        assert!(Cursor::decode(&text, Scope::All, &filter).is_err());
        let other = AuditFilter { action: Some(Action::KeyCreated), ..filter.clone() };
        assert!(Cursor::decode(&text, scope, &other).is_err());
    }
    made.reverse();
    assert_eq!(seen, made);
}
