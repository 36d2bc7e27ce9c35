//! The functions of a deployment, in one table: what starts each, what it reads from its environment, what it asks of SQS.
//!
//! A function is made from its row and from nothing else. What the row does not list cannot be read
//! ([`ConfigError::Undeclared`](crate::config::ConfigError)) and stops a debug build when it is called
//! ([`Function::assert_calls`]), so a template that gives each function what its row lists gives enough, and no more.

use std::time::Duration;

use crate::auth::{
    Role::{Admin, Approver, Operator, Submitter, Viewer, Worker},
    Roles,
};
use crate::config::Setting::{
    self, Auth, DatabaseUrl, DbLogin, DbPooler, DeliverQueueUrl, EventBus, OidcAudience, OidcIssuer,
    OidcJwks, OidcRolesClaim, OidcTenantClaim, OperatorKeySecret, OtlpEndpoint, OutputBucket,
    OwnerDatabaseUrl, OwnerPasswordSecret, RetentionDays, RunsQueueUrl, SecretsPrefix, SweepQueueUrl,
    WorkerLeaseSeconds,
};
use crate::db::Plans;
use crate::http::{MAX_WAIT_SECONDS, TIME_LIMIT};

use Call::{ChangeMessageVisibility, GetQueueAttributes, SendMessage};

/// One Lambda function of a deployment.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its folder in `functions/`, its package and its binary.
    pub name: &'static str,
    /// What starts it.
    pub trigger: Trigger,
    /// How its statements are planned.
    pub plans: Plans,
    /// Every variable of ours that it reads.
    pub settings: &'static [Setting],
    /// What it asks of SQS about the runs queue. Empty: it knows no queue.
    pub calls: &'static [Call],
    /// How long an HTTP caller waits at most: then it is told 503. Nobody waits for the others.
    pub time_limit: Duration,
}

/// What starts a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A request to the HTTP API, by one of these routes.
    Routes(&'static [Route]),
    /// Messages in the runs queue, by way of an event source mapping.
    Queue,
    /// Messages in a queue of its own, by way of an event source mapping, and every hour the clock.
    Bell,
    /// A deployment, before the other functions are there.
    Deployment,
}

/// A method on a path of the HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// In capitals.
    pub method: &'static str,
    /// With parameters in braces.
    pub path: &'static str,
    /// Who may make the request: whoever has one of these. Nothing else decides that (docs/security.md shows all of them).
    pub roles: Roles,
}

impl Route {
    /// Whether API Gateway calls it by this name: `GET /api/runs/{run_id}`.
    pub fn is_named(&self, key: &str) -> bool {
        key.split_once(' ') == Some((self.method, self.path))
    }

    /// Whether a request with this method and path comes by it, as far as its literal segments tell.
    pub fn fits(&self, method: &str, path: &str) -> bool {
        let (mut wanted, mut given) = (self.path.split('/'), path.split('/'));
        method == self.method
            && loop {
                match (wanted.next(), given.next()) {
                    (None, None) => break true,
                    (Some(wanted), Some(given)) if wanted == given => {}
                    (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {}
                    _ => break false,
                }
            }
    }
}

/// What a function may ask of SQS about the runs queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Sending, one message or a batch.
    SendMessage,
    /// Asking how full the queue is.
    GetQueueAttributes,
    /// Hiding a message that was received.
    ChangeMessageVisibility,
}

impl Call {
    /// What IAM calls it.
    pub const fn action(self) -> &'static str {
        match self {
            SendMessage => "sqs:SendMessage",
            GetQueueAttributes => "sqs:GetQueueAttributes",
            ChangeMessageVisibility => "sqs:ChangeMessageVisibility",
        }
    }
}

/// Every function of a deployment.
pub static FUNCTIONS: [Function; 20] = [
    http(
        "create",
        &[
            Route { method: "POST", path: "/api/runs", roles: SUBMIT },
            Route { method: "POST", path: "/api/runs/bulk", roles: SUBMIT },
        ],
    )
    .sending(),
    Function {
        plans: Plans::Custom,
        ..http("list", &[Route { method: "GET", path: "/api/runs", roles: READ }])
    },
    http("claim", &[Route { method: "POST", path: "/api/runs/claim", roles: WORK }]).arming(),
    Function {
        time_limit: WHILE_WAITING,
        ..http("get", &[Route { method: "GET", path: "/api/runs/{run_id}", roles: READ }])
    },
    http(
        "heartbeat",
        &[
            Route { method: "POST", path: "/api/runs/{run_id}/heartbeat", roles: WORK },
            Route { method: "POST", path: "/api/runs/heartbeat", roles: WORK },
        ],
    ),
    http(
        "complete",
        &[
            Route { method: "POST", path: "/api/runs/{run_id}/complete", roles: WORK },
            Route { method: "POST", path: "/api/runs/complete", roles: WORK },
        ],
    )
    .sending(),
    http("release", &[Route { method: "POST", path: "/api/runs/{run_id}/release", roles: WORK }]).sending(),
    http("cancel", &[Route { method: "POST", path: "/api/runs/{run_id}/cancel", roles: SUBMIT }]).arming(),
    http("retry", &[Route { method: "POST", path: "/api/runs/{run_id}/retry", roles: SUBMIT }]).sending(),
    http("secrets", &[Route { method: "POST", path: "/api/runs/{run_id}/secrets", roles: WORK }]),
    http(
        "steps",
        &[
            Route { method: "PUT", path: "/api/runs/{run_id}/steps", roles: WORK },
            Route { method: "GET", path: "/api/runs/{run_id}/steps", roles: READ_OR_WORK },
        ],
    ),
    http(
        "logs",
        &[
            Route { method: "POST", path: "/api/runs/{run_id}/logs", roles: WORK },
            Route { method: "GET", path: "/api/runs/{run_id}/logs", roles: READ_OR_WORK },
        ],
    ),
    http(
        "artifacts",
        &[
            Route { method: "POST", path: "/api/runs/{run_id}/artifacts", roles: WORK },
            Route { method: "GET", path: "/api/runs/{run_id}/artifacts", roles: READ_OR_WORK },
        ],
    ),
    Function {
        plans: Plans::Custom,
        ..http("workers", &[Route { method: "GET", path: "/api/workers", roles: READ }])
    },
    // Seldom called, and its lists have filters.
    Function { plans: Plans::Custom, ..http("catalog", &CATALOGUE).arming() },
    Function { plans: Plans::Custom, ..http("admin", &ADMINISTRATION) },
    Function {
        name: "worker",
        trigger: Trigger::Queue,
        plans: Plans::Generic,
        settings: &[
            DatabaseUrl,
            DbLogin,
            DbPooler,
            RunsQueueUrl,
            SweepQueueUrl,
            WorkerLeaseSeconds,
            OutputBucket,
            SecretsPrefix,
            OtlpEndpoint,
        ],
        // Sends about runs that it hands back, and that get another attempt.
        calls: &[SendMessage, ChangeMessageVisibility],
        time_limit: TIME_LIMIT,
    },
    Function {
        name: "sweep",
        trigger: Trigger::Bell,
        plans: Plans::Generic,
        settings: &[
            DatabaseUrl,
            DbLogin,
            DbPooler,
            RunsQueueUrl,
            SweepQueueUrl,
            DeliverQueueUrl,
            RetentionDays,
            OtlpEndpoint,
        ],
        calls: &[SendMessage, GetQueueAttributes],
        time_limit: TIME_LIMIT,
    },
    Function {
        name: "deliver",
        trigger: Trigger::Bell,
        plans: Plans::Generic,
        settings: &[DatabaseUrl, DbLogin, DbPooler, SecretsPrefix, EventBus, OtlpEndpoint],
        calls: &[],
        time_limit: TIME_LIMIT,
    },
    Function {
        name: "migrate",
        trigger: Trigger::Deployment,
        plans: Plans::Custom,
        // No pooler: its lock is one of the session.
        settings: &[DatabaseUrl, DbLogin, OwnerDatabaseUrl, OwnerPasswordSecret, OperatorKeySecret],
        calls: &[],
        time_limit: TIME_LIMIT,
    },
];

/// Whoever has a role but `worker`.
const READ: Roles = Roles::of(&[Viewer, Submitter, Approver, Admin, Operator]);
/// What a worker has to know of its runs.
const READ_OR_WORK: Roles = Roles::of(&[Viewer, Submitter, Worker, Approver, Admin, Operator]);
const SUBMIT: Roles = Roles::of(&[Submitter, Operator]);
const WORK: Roles = Roles::of(&[Worker, Operator]);
const APPROVE: Roles = Roles::of(&[Approver, Operator]);
const ADMINISTER: Roles = Roles::of(&[Admin, Operator]);
const OPERATE: Roles = Roles::of(&[Operator]);

/// Keys and the audit.
const ADMINISTRATION: [Route; 4] = [
    Route { method: "POST", path: "/api/keys", roles: ADMINISTER },
    Route { method: "GET", path: "/api/keys", roles: ADMINISTER },
    Route { method: "DELETE", path: "/api/keys/{key_id}", roles: ADMINISTER },
    Route { method: "GET", path: "/api/audit", roles: ADMINISTER },
];

/// Small and seldom used, so that one function serves all of it (docs/decisions/0014).
const CATALOGUE: [Route; 29] = [
    Route { method: "POST", path: "/api/tenants", roles: OPERATE },
    Route { method: "GET", path: "/api/tenants", roles: READ },
    Route { method: "GET", path: "/api/tenants/{tenant_id}", roles: READ },
    Route { method: "PATCH", path: "/api/tenants/{tenant_id}", roles: OPERATE },
    Route { method: "DELETE", path: "/api/tenants/{tenant_id}", roles: OPERATE },
    Route { method: "POST", path: "/api/pipelines", roles: ADMINISTER },
    Route { method: "GET", path: "/api/pipelines", roles: READ },
    Route { method: "GET", path: "/api/pipelines/{pipeline_id}", roles: READ },
    Route { method: "PATCH", path: "/api/pipelines/{pipeline_id}", roles: ADMINISTER },
    Route { method: "POST", path: "/api/pipeline-versions", roles: ADMINISTER },
    Route { method: "GET", path: "/api/pipeline-versions", roles: READ },
    Route { method: "GET", path: "/api/pipeline-versions/{pipeline_version_id}", roles: READ },
    Route { method: "PUT", path: "/api/pipeline-versions/{pipeline_version_id}", roles: ADMINISTER },
    Route { method: "POST", path: "/api/pipeline-versions/{pipeline_version_id}/status", roles: APPROVE },
    Route { method: "POST", path: "/api/connections", roles: ADMINISTER },
    Route { method: "GET", path: "/api/connections", roles: READ_OR_WORK },
    Route { method: "GET", path: "/api/connections/{connection_id}", roles: READ },
    Route { method: "DELETE", path: "/api/connections/{connection_id}", roles: ADMINISTER },
    // Who makes one has runs made for as long as it stands, also when his key is gone: that is an admin's to decide.
    Route { method: "POST", path: "/api/schedules", roles: ADMINISTER },
    Route { method: "GET", path: "/api/schedules", roles: READ },
    Route { method: "GET", path: "/api/schedules/{schedule_id}", roles: READ },
    Route { method: "PATCH", path: "/api/schedules/{schedule_id}", roles: ADMINISTER },
    Route { method: "DELETE", path: "/api/schedules/{schedule_id}", roles: ADMINISTER },
    Route { method: "POST", path: "/api/webhooks", roles: ADMINISTER },
    Route { method: "GET", path: "/api/webhooks", roles: READ },
    Route { method: "GET", path: "/api/webhooks/{webhook_id}", roles: READ },
    Route { method: "PATCH", path: "/api/webhooks/{webhook_id}", roles: ADMINISTER },
    Route { method: "DELETE", path: "/api/webhooks/{webhook_id}", roles: ADMINISTER },
    Route { method: "POST", path: "/api/webhooks/{webhook_id}/retry", roles: ADMINISTER },
];

/// The time limit of who may wait for the end of a run.
const WHILE_WAITING: Duration = TIME_LIMIT.saturating_add(Duration::from_secs(MAX_WAIT_SECONDS as u64));

/// A function of the HTTP API that knows Postgres and nothing else.
const fn http(name: &'static str, routes: &'static [Route]) -> Function {
    Function {
        name,
        trigger: Trigger::Routes(routes),
        plans: Plans::Generic,
        settings: &[
            DatabaseUrl,
            DbLogin,
            DbPooler,
            Auth,
            OidcIssuer,
            OidcAudience,
            OidcJwks,
            OidcTenantClaim,
            OidcRolesClaim,
            OtlpEndpoint,
        ],
        calls: &[],
        time_limit: TIME_LIMIT,
    }
}

impl Function {
    /// The requests that start it; none for those that no request starts.
    pub fn routes(&self) -> &'static [Route] {
        match self.trigger {
            Trigger::Routes(routes) => routes,
            Trigger::Queue | Trigger::Bell | Trigger::Deployment => &[],
        }
    }

    /// The same, and it has the sweep come.
    const fn arming(self) -> Self {
        Self {
            settings: &[
                DatabaseUrl,
                DbLogin,
                DbPooler,
                Auth,
                OidcIssuer,
                OidcAudience,
                OidcJwks,
                OidcTenantClaim,
                OidcRolesClaim,
                OtlpEndpoint,
                SweepQueueUrl,
            ],
            ..self
        }
    }

    /// The same, and it tells SQS that a run waits.
    const fn sending(self) -> Self {
        Self {
            settings: &[
                DatabaseUrl,
                DbLogin,
                DbPooler,
                Auth,
                OidcIssuer,
                OidcAudience,
                OidcJwks,
                OidcTenantClaim,
                OidcRolesClaim,
                OtlpEndpoint,
                SweepQueueUrl,
                RunsQueueUrl,
            ],
            calls: &[SendMessage],
            ..self
        }
    }

    /// Whether it has the sweep come: it may send to the sweep's queue.
    pub fn arms(&self) -> bool {
        self.settings.contains(&SweepQueueUrl)
    }

    /// For whoever is about to do so. Costs a release build nothing.
    ///
    /// # Panics
    /// In a debug build, if [`Function::settings`] does not list the queue: without it nothing would be sent.
    pub fn assert_arms(&self) {
        debug_assert!(
            self.arms(),
            "the function {} arms the sweep, whose queue runplane::functions does not list for it",
            self.name
        );
    }

    /// For whoever is about to make such a call. Costs a release build nothing.
    ///
    /// # Panics
    /// In a debug build, if [`Function::calls`] does not list it: on AWS the function would not be permitted to.
    pub fn assert_calls(&self, call: Call) {
        debug_assert!(
            self.calls.contains(&call),
            "the function {} calls {}, which runplane::functions does not list for it",
            self.name,
            call.action()
        );
    }
}

/// The function of this name. Meant for constants: a crate that the table does not know does not compile.
///
/// # Panics
/// If there is none.
pub const fn named(name: &str) -> &'static Function {
    let mut index = 0;
    while index < FUNCTIONS.len() {
        if is_same(FUNCTIONS[index].name.as_bytes(), name.as_bytes()) {
            return &FUNCTIONS[index];
        }
        index += 1;
    }
    panic!("runplane::functions::FUNCTIONS has no function of this name")
}

/// `==`, which cannot be used in constants yet.
const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}

#[cfg(test)]
mod tests;
