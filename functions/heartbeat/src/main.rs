//! `POST /api/runs/{run_id}/heartbeat`: extends a lease. `POST /api/runs/heartbeat`: up to 100 of them.

mod handler;
#[cfg(test)]
mod tests;

use runplane::functions::{self, Function};

const FUNCTION: &Function = functions::named(env!("CARGO_PKG_NAME"));

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runplane::http::serve(FUNCTION, handler::handle).await
}
