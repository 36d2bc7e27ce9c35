//! Reading back what is stored of steps, page by page.

use runplane::scope::Scope;
use runplane::steps::{self, LoadError, StepPlace, StepsAsked, load, load_all};
use serde_json::json;
use uuid::Uuid;

use crate::support::{results, running, world};

type Conn = sqlx::pool::PoolConnection<sqlx::Postgres>;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_was_stored_is_read_back(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    let time = "2026-11-24T08:00:00.123456Z";
    let given = results(json!([
        { "step_id": "a", "status": "SUCCEEDED", "output": { "x": [1.5, "ä", null] }, "started_at": time, "finished_at": time },
        { "step_id": "b", "status": "FAILED", "attempts": 3, "finished_at": time },
        { "step_id": "b", "item": 0, "status": "PENDING", "resume_at": time, "error": { "error": "x", "message": "y" } },
        { "step_id": "c", "status": "SUCCEEDED", "output_ref": "k", "output_bytes": 400000, "finished_at": time },
        { "step_id": "d", "status": "SKIPPED", "reason": "upstream_failed", "attempts": 0, "finished_at": time },
    ]));
    steps::store(&mut conn, Scope::All, run, token, &given).await.unwrap();
    let mut expected = given.steps;
    for step in &mut expected {
        step.run_attempt = 1;
    }
    expected[0].output_bytes = Some(21);
    assert_eq!(load_all(&mut conn, Scope::All, run).await.unwrap().records, expected);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn pages_lead_through_all_of_it(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    let given: Vec<_> = (0..7)
        .flat_map(|step| {
            let id = format!("s{step}");
            let items = (0..3)
                .map(move |item| json!({ "step_id": format!("s{step}"), "item": item, "status": "RUNNING" }));
            [json!({ "step_id": id, "status": "RUNNING" })].into_iter().chain(items)
        })
        .collect();
    steps::store(&mut conn, Scope::All, run, token, &results(json!(given))).await.unwrap();
    let all = load_all(&mut conn, Scope::All, run).await.unwrap().records;
    assert_eq!(all.len(), 28);
    for limit in [1, 5, 28, 29, 1000] {
        let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = load(&mut conn, Scope::All, run, &StepsAsked { limit, after }).await.unwrap();
            assert!(page.count as i64 <= limit && page.count == page.items.len());
            seen.extend(page.items);
            pages += 1;
            match page.next_cursor {
                Some(cursor) => after = Some(StepPlace::decode(&cursor, run).unwrap()),
                None => break,
            }
        }
        assert_eq!((seen, pages), (all.clone(), (28 + limit - 1) / limit), "{limit}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_page_fits_into_an_answer_of_lambda_and_all_of_it_is_read_at_once(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    // The worst there is: every byte of it has to be escaped.
    let output = vec![""; 85_000];
    for step in 0..20 {
        let one =
            results(json!([{ "step_id": format!("s{step:02}"), "status": "SUCCEEDED", "output": output }]));
        steps::store(&mut conn, Scope::All, run, token, &one).await.unwrap();
    }
    let (mut after, mut sizes) = (None, Vec::new());
    loop {
        let page = load(&mut conn, Scope::All, run, &StepsAsked { limit: 1000, after }).await.unwrap();
        let answer = serde_json::to_string(&serde_json::to_string(&page).unwrap()).unwrap();
        assert!(answer.len() < 6_000_000, "{} bytes", answer.len());
        sizes.push(page.count);
        match page.next_cursor {
            Some(cursor) => after = Some(StepPlace::decode(&cursor, run).unwrap()),
            None => break,
        }
    }
    assert_eq!(sizes, [11, 9]);
    assert_eq!(load_all(&mut conn, Scope::All, run).await.unwrap().records.len(), 20);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_run_without_steps_has_an_empty_page_and_no_run_has_none(mut conn: Conn) {
    let world = world(&mut conn).await;
    let (run, token) = running(&mut conn, world).await;
    let asked = StepsAsked { limit: 1000, after: None };
    let page = load(&mut conn, Scope::Tenant(world.tenant), run, &asked).await.unwrap();
    assert_eq!((page.count, page.worked_ms, page.next_cursor), (0, 0, None));
    let one = results(json!([{ "step_id": "a", "status": "RUNNING" }]));
    steps::store(&mut conn, Scope::All, run, token, &one).await.unwrap();
    for (scope, run) in [(Scope::All, Uuid::now_v7()), (Scope::Tenant(Uuid::now_v7()), run)] {
        let nothing = load(&mut conn, scope, run, &asked).await;
        assert!(matches!(nothing, Err(LoadError::NotFound)), "{nothing:?}");
    }
}
