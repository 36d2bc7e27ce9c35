//! Postgres away, back, restarted, frozen.

use crate::stage::{AGAIN, AT_FIRST, assert_unavailable, assert_works, host, pids, postgres};
use xtask::line::Line;

#[tokio::test]
async fn without_postgres_every_call_is_unavailable_and_works_again_when_it_is_back() {
    let mut postgres = postgres("stopped").await;
    let host = host(&postgres.database_url).await;
    assert_works(&host, &AT_FIRST).await;
    let before = pids(&host);

    postgres.pause().await.unwrap();
    assert_unavailable(&host).await;
    // Once more, without the connection that the first one lost.
    assert_unavailable(&host).await;

    postgres.restart().await.unwrap();
    assert_works(&host, &AGAIN).await;
    assert_eq!(pids(&host), before, "no function was restarted");
}

#[tokio::test]
async fn functions_that_started_without_postgres_work_when_it_comes() {
    let mut postgres = postgres("late").await;
    postgres.pause().await.unwrap();
    let host = host(&postgres.database_url).await;
    assert_unavailable(&host).await;
    postgres.restart().await.unwrap();
    assert_works(&host, &AT_FIRST).await;
}

#[tokio::test]
async fn a_postgres_restarted_between_two_calls_is_not_noticed() {
    let mut postgres = postgres("restarted").await;
    let host = host(&postgres.database_url).await;
    assert_works(&host, &AT_FIRST).await;
    let before = pids(&host);

    postgres.restart().await.unwrap();
    assert_works(&host, &AGAIN).await;
    postgres.kill().await.unwrap();
    postgres.restart().await.unwrap();
    assert_works(&host, &AGAIN).await;
    assert_eq!(pids(&host), before, "no function was restarted");
}

#[tokio::test]
async fn a_postgres_that_no_longer_answers_on_open_connections_is_unavailable_in_time() {
    let postgres = postgres("frozen").await;
    let line = Line::to(postgres.port).await.unwrap();
    let url = postgres.database_url.replace(&format!(":{}/", postgres.port), &format!(":{}/", line.port));
    let host = host(&url).await;
    assert_works(&host, &AT_FIRST).await;

    line.freeze();
    assert_unavailable(&host).await;
    line.thaw();
    assert_works(&host, &AGAIN).await;
}
