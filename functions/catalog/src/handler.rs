//! From a route to its handler.

use std::sync::Arc;

use runplane::app::App;
use runplane::http::{Call, Reply};
use runplane::problem::Problem;

use crate::{connections, pipelines, schedules, tenants, versions, webhooks};

/// Changes after which something may be due that was not: a schedule's time, what a pause or a limit has held back, an event.
const MAKES_DUE: [(&str, &str); 7] = [
    ("PATCH", "/api/tenants/{tenant_id}"),
    // Its runs are cancelled, of which a bus is told.
    ("DELETE", "/api/tenants/{tenant_id}"),
    ("PATCH", "/api/pipelines/{pipeline_id}"),
    ("POST", "/api/schedules"),
    ("PATCH", "/api/schedules/{schedule_id}"),
    ("PATCH", "/api/webhooks/{webhook_id}"),
    ("POST", "/api/webhooks/{webhook_id}/retry"),
];

/// Answers a request to any route of the catalogue. Other paths and methods are answered by the gateway.
pub async fn handle(app: Arc<App>, call: Call) -> Result<Reply, Problem> {
    let Some(route) = call.route(app.function) else {
        return Err(Problem::internal(NoRoute("this request came by no route of the function")));
    };
    let asked = (route.method, route.path);
    let reply = answer(&app, &call, asked).await;
    if reply.is_ok() && MAKES_DUE.contains(&asked) {
        app.arm().await;
    }
    reply
}

async fn answer(app: &App, call: &Call, asked: (&str, &str)) -> Result<Reply, Problem> {
    match asked {
        ("POST", "/api/tenants") => tenants::create(app, call).await,
        ("GET", "/api/tenants") => tenants::list(app, call).await,
        ("GET", "/api/tenants/{tenant_id}") => tenants::get(app, call).await,
        ("PATCH", "/api/tenants/{tenant_id}") => tenants::update(app, call).await,
        ("DELETE", "/api/tenants/{tenant_id}") => tenants::delete(app, call).await,
        ("POST", "/api/pipelines") => pipelines::create(app, call).await,
        ("GET", "/api/pipelines") => pipelines::list(app, call).await,
        ("GET", "/api/pipelines/{pipeline_id}") => pipelines::get(app, call).await,
        ("PATCH", "/api/pipelines/{pipeline_id}") => pipelines::update(app, call).await,
        ("POST", "/api/pipeline-versions") => versions::create(app, call).await,
        ("GET", "/api/pipeline-versions") => versions::list(app, call).await,
        ("GET", "/api/pipeline-versions/{pipeline_version_id}") => versions::get(app, call).await,
        ("PUT", "/api/pipeline-versions/{pipeline_version_id}") => versions::edit(app, call).await,
        ("POST", "/api/pipeline-versions/{pipeline_version_id}/status") => {
            versions::change_status(app, call).await
        }
        ("POST", "/api/connections") => connections::create(app, call).await,
        ("GET", "/api/connections") => connections::list(app, call).await,
        ("GET", "/api/connections/{connection_id}") => connections::get(app, call).await,
        ("DELETE", "/api/connections/{connection_id}") => connections::delete(app, call).await,
        ("POST", "/api/schedules") => schedules::create(app, call).await,
        ("GET", "/api/schedules") => schedules::list(app, call).await,
        ("GET", "/api/schedules/{schedule_id}") => schedules::get(app, call).await,
        ("PATCH", "/api/schedules/{schedule_id}") => schedules::update(app, call).await,
        ("DELETE", "/api/schedules/{schedule_id}") => schedules::delete(app, call).await,
        ("POST", "/api/webhooks") => webhooks::create(app, call).await,
        ("GET", "/api/webhooks") => webhooks::list(app, call).await,
        ("GET", "/api/webhooks/{webhook_id}") => webhooks::get(app, call).await,
        ("PATCH", "/api/webhooks/{webhook_id}") => webhooks::update(app, call).await,
        ("DELETE", "/api/webhooks/{webhook_id}") => webhooks::delete(app, call).await,
        ("POST", "/api/webhooks/{webhook_id}/retry") => webhooks::retry(app, call).await,
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
