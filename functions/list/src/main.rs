//! `GET /api/runs`: runs, newest first, one page at a time.

mod handler;
#[cfg(test)]
mod tests;

use runplane::app::Needs;
use runplane::db::Plans;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runplane::http::serve(Needs::database(Plans::Custom), handler::handle).await
}
