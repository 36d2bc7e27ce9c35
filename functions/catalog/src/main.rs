//! `/api/tenants`, `/api/pipelines`, `/api/pipeline-versions`, `/api/connections`, `/api/schedules`, `/api/webhooks`: the catalogue.

mod connections;
mod handler;
mod pipelines;
mod schedules;
mod tenants;
#[cfg(test)]
mod tests;
mod versions;
mod webhooks;

use runplane::functions::{self, Function};

const FUNCTION: &Function = functions::named(env!("CARGO_PKG_NAME"));

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    runplane::http::serve(FUNCTION, handler::handle).await
}
