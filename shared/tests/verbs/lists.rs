//! List: every filter, and pages that neither repeat nor leave out a run.

use std::collections::HashSet;

use runplane::dag::ParamsCache;
use runplane::runs::{self, Cursor, ListFilter, Page, RunStatus};
use runplane::scope::Scope;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{Row, World, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;
const FIRST: Page = Page { limit: 100, offset: 0, cursor: None };

async fn ids(conn: &mut PgConnection, world: World, filter: &ListFilter) -> Vec<Uuid> {
    let page = runs::list(conn, Scope::Tenant(world.tenant), filter, &FIRST).await.unwrap();
    assert_eq!(page.count, page.items.len());
    page.items.into_iter().map(|run| run.id).collect()
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_filter_finds_its_runs_and_no_others(mut conn: Conn) {
    let world = world(&mut conn).await;
    let mut request = world.request();
    request.queue = Some("gpu".into());
    request.labels =
        Some([("team".to_owned(), "a".to_owned()), ("env".to_owned(), "prod".to_owned())].into());
    let wanted = runs::create(&mut conn, &ParamsCache::default(), &request, None).await.unwrap().run;
    let failed = Row::new(RunStatus::Failed).insert(&mut conn, world).await;
    let running = Row::new(RunStatus::Running).insert(&mut conn, world).await;
    let foreign = crate::support::world(&mut conn).await;
    runs::create(&mut conn, &ParamsCache::default(), &foreign.request(), None).await.unwrap();

    let all = ListFilter::default();
    let cases = [
        (all.clone(), vec![running, failed, wanted.id]),
        (ListFilter { status: vec![RunStatus::Failed], ..all.clone() }, vec![failed]),
        (
            ListFilter { status: vec![RunStatus::Running, RunStatus::Failed], ..all.clone() },
            vec![running, failed],
        ),
        (
            ListFilter { status: vec![RunStatus::Failed], pipeline_id: Some(world.pipeline), ..all.clone() },
            vec![failed],
        ),
        (
            ListFilter {
                status: vec![RunStatus::Queued],
                labels: [("team".to_owned(), "a".to_owned())].into(),
                ..all.clone()
            },
            vec![wanted.id],
        ),
        (
            ListFilter { status: vec![RunStatus::Queued], queue: Some("gpu".into()), ..all.clone() },
            vec![wanted.id],
        ),
        (ListFilter { status: vec![RunStatus::Queued], queue: Some("cpu".into()), ..all.clone() }, vec![]),
        (
            ListFilter {
                status: RunStatus::ALL.to_vec(),
                created_after: Some(wanted.created_at),
                ..all.clone()
            },
            vec![running, failed],
        ),
        (ListFilter { queue: Some("gpu".into()), ..all.clone() }, vec![wanted.id]),
        (ListFilter { pipeline_id: Some(world.pipeline), ..all.clone() }, vec![running, failed, wanted.id]),
        (ListFilter { pipeline_id: Some(foreign.pipeline), ..all.clone() }, vec![]),
        (
            ListFilter { pipeline_version_id: Some(world.version), ..all.clone() },
            vec![running, failed, wanted.id],
        ),
        (ListFilter { pipeline_version_id: Some(foreign.version), ..all.clone() }, vec![]),
        (ListFilter { labels: [("team".to_owned(), "a".to_owned())].into(), ..all.clone() }, vec![wanted.id]),
        (ListFilter { labels: [("team".to_owned(), "b".to_owned())].into(), ..all.clone() }, vec![]),
        (ListFilter { created_after: Some(wanted.created_at), ..all.clone() }, vec![running, failed]),
        (
            ListFilter {
                created_before: Some(wanted.created_at + chrono::TimeDelta::microseconds(1)),
                ..all.clone()
            },
            vec![wanted.id],
        ),
    ];
    for (filter, expected) in cases {
        assert_eq!(ids(&mut conn, world, &filter).await, expected, "{filter:?}");
    }
    let everywhere = runs::list(&mut conn, Scope::All, &all, &FIRST).await.unwrap();
    assert_eq!(everywhere.count, 4);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn cursors_walk_every_run_once_while_new_ones_arrive(mut conn: Conn) {
    let world = world(&mut conn).await;
    let mut created = HashSet::new();
    for number in 0..25 {
        let status = if number % 3 == 0 { RunStatus::Failed } else { RunStatus::Succeeded };
        created.insert(Row::new(status).insert(&mut conn, world).await);
    }
    // Runs that were created at one instant are told apart by their ids.
    sqlx::query("update pipeline_runs set created_at = date_trunc('hour', now())")
        .execute(&mut *conn)
        .await
        .unwrap();
    let by_status = ListFilter {
        status: vec![RunStatus::Failed, RunStatus::Succeeded, RunStatus::Running],
        ..ListFilter::default()
    };
    let with_pipeline = ListFilter { pipeline_id: Some(world.pipeline), ..by_status.clone() };
    for (filter, scope) in [ListFilter::default(), by_status, with_pipeline]
        .into_iter()
        .flat_map(|filter| [Scope::Tenant(world.tenant), Scope::All].map(|scope| (filter.clone(), scope)))
    {
        let mut seen = Vec::new();
        let mut cursor = None;
        let mut arrived = Vec::new();
        loop {
            let page =
                runs::list(&mut conn, scope, &filter, &Page { limit: 10, offset: 0, cursor }).await.unwrap();
            seen.extend(page.items.iter().map(|run| run.id));
            arrived.push(Row::new(RunStatus::Succeeded).insert(&mut conn, world).await);
            match page.next_cursor {
                Some(text) => cursor = Some(Cursor::decode(&text, scope, &filter).unwrap()),
                None => break,
            }
        }
        assert_eq!(seen.len(), 25, "{filter:?}");
        assert_eq!(seen.into_iter().collect::<HashSet<_>>(), created, "{filter:?}");
        let gone = sqlx::query("delete from pipeline_runs where id = any ($1)").bind(&arrived);
        gone.execute(&mut *conn).await.unwrap();
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn an_offset_beyond_the_end_is_an_empty_page(mut conn: Conn) {
    let world = world(&mut conn).await;
    Row::new(RunStatus::Succeeded).insert(&mut conn, world).await;
    let page = Page { limit: 10, offset: 10_000, cursor: None };
    let by_status = ListFilter { status: vec![RunStatus::Succeeded], ..ListFilter::default() };
    for filter in [ListFilter::default(), by_status] {
        let page = runs::list(&mut conn, Scope::All, &filter, &page).await.unwrap();
        assert_eq!((page.count, page.next_cursor, page.offset), (0, None, 10_000));
        let page = Page { limit: 2, offset: 1, cursor: None };
        for _ in 0..3 {
            Row::new(RunStatus::Succeeded).insert(&mut conn, world).await;
        }
        let page = runs::list(&mut conn, Scope::All, &filter, &page).await.unwrap();
        assert_eq!((page.count, page.next_cursor.is_some(), page.offset), (2, true, 1));
    }
}
