//! `POST /api/runs/{run_id}/cancel`: ends a run that has not ended.

mod handler;
#[cfg(test)]
mod tests;

use runplane::app::Needs;
use runplane::db::Plans;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runplane::http::serve(Needs::database(Plans::Generic), handler::handle).await
}
