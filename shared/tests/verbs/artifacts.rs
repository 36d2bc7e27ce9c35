//! What a run has made.

use runplane::catalog::Page;
use runplane::cursor::Cursor;
use runplane::evidence::{self, Artifact, ArtifactFilter, ArtifactRequest, EvidenceError, Order};
use runplane::runs::RunStatus;
use runplane::scope::Scope;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::support::{Row, queued, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

fn request(request: Value) -> ArtifactRequest {
    let request: ArtifactRequest = serde_json::from_value(request).unwrap();
    request.check().unwrap();
    request
}

async fn add(conn: &mut PgConnection, run: Uuid, artifact: Value) -> (Artifact, bool) {
    evidence::add_artifact(conn, Scope::All, run, &request(artifact)).await.unwrap()
}

/// Every artifact, page by page, and how many there were on each.
async fn read(conn: &mut PgConnection, filter: &ArtifactFilter, limit: i64) -> (Vec<Artifact>, Vec<usize>) {
    let (mut artifacts, mut cursor, mut pages) = (Vec::new(), None, Vec::new());
    loop {
        let list = evidence::list_artifacts(conn, Scope::All, filter, &Page { limit, cursor }).await.unwrap();
        let answer = serde_json::to_string(&serde_json::to_string(&list).unwrap()).unwrap();
        assert!(answer.len() < 6_000_000, "{} bytes", answer.len());
        pages.push(list.count);
        artifacts.extend(list.items);
        match list.next_cursor {
            Some(next) => cursor = Some(Cursor::decode(&next, Scope::All, filter).unwrap()),
            None => return (artifacts, pages),
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn artifacts_are_stored_in_whatever_state_the_run_is_and_listed_in_either_order(mut conn: Conn) {
    let world = world(&mut conn).await;
    for status in [RunStatus::Running, RunStatus::Succeeded, RunStatus::Cancelled] {
        let run = Row::new(status).insert(&mut conn, world).await;
        let mut made = Vec::new();
        for number in 0..5 {
            let given = json!({ "artifact_type": "report", "payload": { "n": number }, "source": "s", "meta": [number] });
            let (artifact, new) = add(&mut conn, run, given).await;
            assert!(new && artifact.run_id == run);
            made.push(artifact);
        }
        let of = |order| ArtifactFilter { run_id: run, order };
        assert_eq!(read(&mut conn, &of(Order::Asc), 2).await, (made.clone(), vec![2, 2, 1]));
        made.reverse();
        assert_eq!(read(&mut conn, &of(Order::Desc), 3).await, (made, vec![3, 2]));
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_same_id_again_is_the_same_artifact_of_its_run(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, other) = (queued(&mut conn, world, "").await, queued(&mut conn, world, "").await);
    let id = Uuid::new_v4();
    let of = |n: i32| json!({ "id": id, "artifact_type": "t", "payload": { "n": n } });
    let (first, new) = add(&mut conn, run, of(1)).await;
    assert!(new && first.id == id);
    assert_eq!(add(&mut conn, run, of(1)).await, (first.clone(), false));
    assert_eq!(add(&mut conn, run, of(2)).await, (first, false), "what is stored stays");
    let (elsewhere, new) = add(&mut conn, other, of(2)).await;
    assert!(new);
    assert_eq!(elsewhere.payload, json!({ "n": 2 }));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_page_fits_into_an_answer_of_lambda(mut conn: Conn) {
    let world = world(&mut conn).await;
    let run = queued(&mut conn, world, "").await;
    // The worst there is: every byte of it has to be escaped.
    let large = json!({ "artifact_type": "t", "payload": { "a": vec![""; 85_000] } });
    for _ in 0..20 {
        add(&mut conn, run, large.clone()).await;
    }
    let filter = ArtifactFilter { run_id: run, order: Order::Asc };
    assert_eq!(read(&mut conn, &filter, 1000).await.1, [11, 9]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn another_tenants_run_has_no_artifacts(mut conn: Conn) {
    let world = world(&mut conn).await;
    let run = queued(&mut conn, world, "").await;
    let id = Uuid::new_v4();
    add(&mut conn, run, json!({ "id": id, "artifact_type": "t", "payload": {} })).await;
    let again = request(json!({ "id": id, "artifact_type": "t", "payload": {} }));
    let another = request(json!({ "artifact_type": "t", "payload": {} }));
    let page = Page { limit: 10, cursor: None };
    for (scope, run_id) in [(Scope::Tenant(Uuid::now_v7()), run), (Scope::All, Uuid::now_v7())] {
        for artifact in [&again, &another] {
            let added = evidence::add_artifact(&mut conn, scope, run_id, artifact).await;
            assert!(matches!(added, Err(EvidenceError::NotFound)), "{added:?}");
        }
        let filter = ArtifactFilter { run_id, order: Order::Asc };
        let list = evidence::list_artifacts(&mut conn, scope, &filter, &page).await;
        assert!(matches!(list, Err(EvidenceError::NotFound)), "{list:?}");
    }
}

#[test]
fn bounds_are_told_where_they_are_broken() {
    for (artifact, pointer) in [
        (json!({ "artifact_type": "", "payload": {} }), "/artifact_type"),
        (json!({ "artifact_type": "x".repeat(101), "payload": {} }), "/artifact_type"),
        (json!({ "artifact_type": "t", "payload": { "a": "\0" } }), "/payload/a"),
        (json!({ "artifact_type": "t", "payload": { "a": "x".repeat(262_144) } }), "/payload"),
        (json!({ "artifact_type": "t", "payload": {}, "source": "" }), "/source"),
        (json!({ "artifact_type": "t", "payload": {}, "meta": "x".repeat(65_536) }), "/meta"),
    ] {
        let request: ArtifactRequest = serde_json::from_value(artifact).unwrap();
        assert_eq!(request.check().unwrap_err().errors[0].pointer, pointer);
    }
}
