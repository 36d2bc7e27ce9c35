//! The function's answers to the events in `events/`, on a database with the demo data.

use runplane::db::Plans;
use runplane::testing::{answer, app};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::handler::handle;

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_lease_goes_on(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options, Plans::Generic).await;
    insta::assert_json_snapshot!(answer(&app, &handle, include_str!("../../../events/heartbeat.json")).await, @r#"
    {
      "body": {
        "heartbeat_at": "[time]",
        "lease_expires_at": "[time]",
        "ok": true,
        "run_id": "0199e0c0-0000-7000-8000-0000000000bb"
      },
      "headers": {
        "content-type": "application/json"
      },
      "status": 200
    }
    "#);
}
