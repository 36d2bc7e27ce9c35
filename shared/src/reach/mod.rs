//! What steps reach outside the control plane: HTTP services, Postgres databases, Lambda functions and SQS queues, each as a connection of the
//! run's tenant says. Nothing here knows of runs or steps: it takes what was rendered and gives a result, or the name of an error.
//!
//! | file | what is in it |
//! |---|---|
//! | `failure` | why something could not be done, and whether it may go better later |
//! | `connection` | a connection as it is used: read from what is stored, with its secret |
//! | `secrets` | where secrets are looked up, each tenant's below its own prefix |
//! | `mask` | secrets taken out of whatever is kept or shown |
//! | `turns` | how many calls are under way at once, and of one tenant |
//! | `guard` | which addresses may be reached |
//! | `http`, `sql`, `lambda`, `sqs` | the four kinds |
//! | `aws` | clients of AWS, and what their errors are called here |

pub mod aws;
mod connection;
mod failure;
pub mod guard;
pub mod http;
pub mod lambda;
pub mod mask;
pub mod secrets;
pub mod sql;
pub mod sqs;
mod turns;

pub use connection::{Destination, HttpDestination, LambdaDestination, SqlDestination, SqsDestination};
pub use failure::ReachFailure;
pub use turns::Turn;

use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::aws::Found;
use crate::traces::Traceparent;
use turns::Turns;

/// What goes along with a call, whatever it asks for.
#[derive(Clone, Copy, Debug)]
pub struct Along<'a> {
    /// The same for all attempts.
    pub idempotency_key: &'a str,
    /// What the other side's trace goes on from, if anybody traces it.
    pub traceparent: Option<&'a Traceparent>,
}

/// The clients and the secrets of one process. Making it reaches nothing.
#[derive(Debug)]
pub struct Reach {
    /// Where the secrets of connections are looked up.
    pub secrets: secrets::Secrets,
    http: http::Http,
    sql: sql::Sql,
    lambda: lambda::Lambda,
    sqs: sqs::Sqs,
    turns: Turns,
}

impl Reach {
    /// With secrets from there; what asks AWS does so by credentials that will be `found`.
    pub fn new(secrets: secrets::Secrets, found: Found) -> Self {
        Self {
            secrets,
            http: http::Http::new(),
            sql: sql::Sql::new(),
            lambda: lambda::Lambda::new(found),
            sqs: sqs::Sqs::new(found),
            turns: Turns::default(),
        }
    }

    /// A turn for one call of a tenant, as soon as there is one.
    pub async fn turn(&self, tenant: Uuid) -> Turn {
        self.turns.take(tenant).await
    }

    /// Does what a step's rendered `with` says, where the connection leads. `timeout` is how long it may take.
    ///
    /// # Errors
    /// [`ReachFailure`].
    pub async fn call(
        &self,
        with: &Map<String, Value>,
        destination: &Destination,
        along: Along<'_>,
        timeout: Duration,
    ) -> Result<Value, ReachFailure> {
        match destination {
            Destination::Http(http) => self.http.call(with, Some(http), along, timeout).await,
            Destination::Sql(sql) => self.sql.call(with, sql, timeout).await,
            Destination::Lambda(lambda) => self.lambda.call(with, lambda, along, timeout).await,
            Destination::Sqs(sqs) => self.sqs.send(with, sqs, along, timeout).await,
        }
    }

    /// Sends the HTTP request of a step that names no connection.
    ///
    /// # Errors
    /// [`ReachFailure`].
    pub async fn request(
        &self,
        with: &Map<String, Value>,
        along: Along<'_>,
        timeout: Duration,
    ) -> Result<Value, ReachFailure> {
        self.http.call(with, None, along, timeout).await
    }
}
