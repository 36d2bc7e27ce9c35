//! From a route to its handler.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, Reply};
use runplane::problem::Problem;

use crate::{audit, keys};

/// Answers a request to any route of the function. Other paths and methods are answered by the gateway.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Some(route) = call.route(app.function) else {
        return Err(Problem::internal(NoRoute("this request came by no route of the function")));
    };
    match (route.method, route.path) {
        ("POST", "/api/keys") => keys::create(&app, &call).await,
        ("GET", "/api/keys") => keys::list(&app, &call).await,
        ("DELETE", "/api/keys/{key_id}") => keys::revoke(&app, &call).await,
        ("GET", "/api/audit") => audit::list(&app, &call).await,
        _ => Err(Problem::internal(NoRoute("the table of functions has a route that nobody handles"))),
    }
}

/// A request that cannot have come through the API.
#[derive(Debug)]
struct NoRoute(&'static str);

impl std::fmt::Display for NoRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NoRoute {}
