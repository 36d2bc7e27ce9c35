//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::testing::{answer, app, execute};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::FUNCTION;
use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_page_shows_who_is_alive_on_a_queue(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    for (worker, queue) in [("w1", "default"), ("w2", "gpu")] {
        let see =
            sqlx::query("select see_worker($1, '580115b4-a291-4917-8dbd-247cfa13e2d6', array[$2, 'z'])");
        execute(&app, see.bind(worker).bind(queue)).await;
    }
    execute(&app, sqlx::query("update workers set first_seen_at = '2026-11-23T08:00:00Z'")).await;
    let answer = answer(&app, &handle, include_str!("../../../events/workers.json")).await;
    insta::assert_json_snapshot!(answer, { ".body.items[].last_seen_at" => "[time]" }, @r#""#);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_parameter_that_is_wrong_is_named(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, FUNCTION).await;
    let answer = answer(&app, &handle, include_str!("../../../events/workers.bad_query.json")).await;
    insta::assert_json_snapshot!(answer["body"]["errors"], @r#""#);
}
