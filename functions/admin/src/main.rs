//! `/api/keys`, `/api/audit`: who gets in, and what they did.

mod audit;
mod handler;
mod keys;
#[cfg(test)]
mod tests;

use runplane::functions::{self, Function};

const FUNCTION: &Function = functions::named(env!("CARGO_PKG_NAME"));

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runplane::http::serve(FUNCTION, handler::handle).await
}
