//! `POST /api/runs/{run_id}/release`: hands a run back.

mod handler;
#[cfg(test)]
mod tests;

use runplane::app::Needs;
use runplane::db::Plans;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runplane::http::serve(Needs::database_and_queue(Plans::Generic), handler::handle).await
}
