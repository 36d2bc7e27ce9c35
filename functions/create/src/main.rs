//! `POST /api/runs`: creates a run and tells SQS that it waits.

mod handler;
#[cfg(test)]
mod tests;

use runplane::app::Needs;
use runplane::db::Plans;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runplane::http::serve(Needs { plans: Plans::Generic, queue: true }, handler::handle).await
}
