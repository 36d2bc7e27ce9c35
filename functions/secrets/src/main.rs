//! `POST /api/runs/{run_id}/secrets`: the secret parameters of a run, for the worker that holds its lease.

mod handler;
#[cfg(test)]
mod tests;

use runplane::functions::{self, Function};

const FUNCTION: &Function = functions::named(env!("CARGO_PKG_NAME"));

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runplane::http::serve(FUNCTION, handler::handle).await
}
