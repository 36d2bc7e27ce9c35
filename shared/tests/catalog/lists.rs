//! Lists: every filter, and pages that neither repeat nor leave out anything.

use runplane::catalog::{
    self, ConnectionFilter, Page, PipelineFilter, TenantFilter, VersionFilter, VersionStatus,
};
use runplane::cursor::Cursor;
use runplane::dag::ConnectionKind;
use runplane::scope::Scope;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Conn, connect, request, world};

const FIRST: Page = Page { limit: 100, cursor: None };

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_filter_of_versions_finds_its_versions_and_no_others(mut conn: Conn) {
    use VersionStatus::{Approved, Deprecated, Draft};
    let (mine, theirs) = (world(&mut conn).await, world(&mut conn).await);
    let draft = mine.version_in(&mut conn, Draft).await;
    let approved = mine.version_in(&mut conn, Approved).await;
    let deprecated = mine.version_in(&mut conn, Deprecated).await;
    let foreign = theirs.draft(&mut conn).await;
    let other = request(json!({"tenant_id": mine.tenant, "name": "other"}));
    let other = catalog::create_pipeline(&mut conn, &other).await.unwrap().id;

    let all = VersionFilter::default();
    let (my, everywhere) = (Scope::Tenant(mine.tenant), Scope::All);
    let of = |pipeline| VersionFilter { pipeline_id: Some(pipeline), ..VersionFilter::default() };
    let with =
        |status: &[VersionStatus]| VersionFilter { status: status.to_vec(), ..VersionFilter::default() };
    for (scope, filter, expected) in [
        (everywhere, all.clone(), vec![foreign, deprecated, approved, draft]),
        (my, all, vec![deprecated, approved, draft]),
        (my, of(mine.pipeline), vec![deprecated, approved, draft]),
        (my, of(other), vec![]),
        (my, of(theirs.pipeline), vec![]),
        (everywhere, of(theirs.pipeline), vec![foreign]),
        (my, with(&[Approved]), vec![approved]),
        (everywhere, with(&[Draft, Deprecated]), vec![foreign, deprecated, draft]),
    ] {
        let list = catalog::list_versions(&mut conn, scope, &filter, &FIRST).await.unwrap();
        let ids: Vec<_> = list.items.iter().map(|version| version.id).collect();
        assert_eq!(ids, expected, "{scope:?} {filter:?}");
        assert_eq!((list.count, list.next_cursor), (expected.len(), None));
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn pipelines_are_found_by_name_and_connections_by_kind(mut conn: Conn) {
    let (mine, theirs) = (world(&mut conn).await, world(&mut conn).await);
    let named = |name: &str| PipelineFilter { name: Some(name.to_owned()) };
    for (scope, name, expected) in [
        (Scope::Tenant(mine.tenant), "P", vec![mine.pipeline]),
        (Scope::Tenant(mine.tenant), "p", vec![]),
        (Scope::All, "P", vec![theirs.pipeline, mine.pipeline]),
    ] {
        let list = catalog::list_pipelines(&mut conn, scope, &named(name), &FIRST).await.unwrap();
        assert_eq!(list.items.iter().map(|one| one.id).collect::<Vec<_>>(), expected, "{scope:?} {name}");
    }
    for (name, kind, config) in [
        ("q", "sqs", json!({"queue_url": "https://sqs.example.com/000000000001/q"})),
        ("f", "lambda", json!({"function": "f"})),
    ] {
        let connection =
            request(json!({"tenant_id": mine.tenant, "name": name, "kind": kind, "config": config}));
        connect(&mut conn, &connection).await.unwrap();
    }
    let of_kind = ConnectionFilter { kind: Some(ConnectionKind::Sqs), ..ConnectionFilter::default() };
    let list = catalog::list_connections(&mut conn, Scope::All, &of_kind, &FIRST).await.unwrap();
    assert_eq!(list.items.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["q"]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn cursors_walk_everything_once_while_more_arrives(mut conn: Conn) {
    let tenant = || request(json!({"name": "one of many"}));
    let mut created = Vec::new();
    for _ in 0..25 {
        created.push(catalog::create_tenant(&mut conn, &tenant()).await.unwrap().id);
    }
    // What was created at one instant is told apart by its id.
    sqlx::query("update tenants set created_at = date_trunc('hour', now())")
        .execute(&mut *conn)
        .await
        .unwrap();
    let mut seen: Vec<Uuid> = Vec::new();
    let mut cursor = None;
    loop {
        let page = Page { limit: 10, cursor };
        let list = catalog::list_tenants(&mut conn, Scope::All, TenantFilter, &page).await.unwrap();
        assert_eq!((list.count, list.limit), (list.items.len(), 10));
        seen.extend(list.items.iter().map(|tenant| tenant.id));
        catalog::create_tenant(&mut conn, &tenant()).await.unwrap();
        let Some(text) = list.next_cursor else { break };
        cursor = Some(Cursor::decode(&text, Scope::All, &TenantFilter).unwrap());
        // A cursor belongs to its list, whatever the two have in common.
        assert!(Cursor::decode(&text, Scope::All, &PipelineFilter::default()).is_err());
        assert!(Cursor::decode(&text, Scope::All, &VersionFilter::default()).is_err());
        assert!(Cursor::decode(&text, Scope::All, &ConnectionFilter::default()).is_err());
        assert!(Cursor::decode(&text, Scope::Tenant(created[0]), &TenantFilter).is_err());
    }
    created.reverse();
    assert_eq!(seen, created);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_page_that_is_just_full_is_the_last_one(mut conn: Conn) {
    for _ in 0..3 {
        world(&mut conn).await;
    }
    for (limit, count, more) in [(2, 2, true), (3, 3, false), (4, 3, false)] {
        let page = Page { limit, cursor: None };
        let list = catalog::list_pipelines(&mut conn, Scope::All, &Default::default(), &page).await.unwrap();
        assert_eq!((list.count, list.next_cursor.is_some()), (count, more), "{limit}");
    }
}
