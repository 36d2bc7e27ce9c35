//! `GET /api/runs/{run_id}`: shows a run.

mod handler;
#[cfg(test)]
mod tests;

use std::time::Duration;

use runplane::app::Needs;
use runplane::db::Plans;
use runplane::http::TIME_LIMIT;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let time_limit = TIME_LIMIT + Duration::from_secs(handler::MAX_WAIT_SECONDS.into());
    runplane::http::serve(Needs { time_limit, ..Needs::database(Plans::Generic) }, handler::handle).await
}
