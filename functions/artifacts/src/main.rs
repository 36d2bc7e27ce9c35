//! `POST|GET /api/runs/{run_id}/artifacts`: what a run has made.

mod handler;
#[cfg(test)]
mod tests;

use runplane::functions::{self, Function};

const FUNCTION: &Function = functions::named(env!("CARGO_PKG_NAME"));

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runplane::http::serve(FUNCTION, handler::handle).await
}
