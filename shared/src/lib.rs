//! The domain of Runplane: what a run is, the verbs that change it, and the edges every function shares.
//!
//! | module | what is in it |
//! |---|---|
//! | [`runs`] | the verbs of a run, one file each, with its SQL in `sql/` |
//! | [`steps`] | the verbs of a run's steps |
//! | [`evidence`] | the verbs of a run's logs and artifacts |
//! | [`sweep`] | the verbs of what becomes due without anybody asking |
//! | [`events`] | who is told about changes of runs, and that they are |
//! | [`catalog`] | the verbs of tenants, pipelines, versions, connections and webhooks |
//! | [`dag`] | what a dag_spec asks a worker to do, and whether it may |
//! | [`reach`] | what steps reach outside: HTTP services, databases, functions, queues |
//! | [`http`] | the edge of the HTTP functions: request in, reply or problem out, one log line |
//! | [`invocation`] | the frame of the functions that are invoked otherwise |
//! | [`auth`] | who makes a request, and whether it may |
//! | [`audit`] | who did what: entries that stay |
//! | [`db`] | the one Postgres connection of an execution environment |
//! | [`functions`] | the functions of a deployment: what each reads and calls |
//! | [`aws`] | how the AWS SDK finds region, credentials and endpoints |
//! | [`bucket`] | outputs that are too large for the database |
//! | [`cursor`] | places in lists |
//! | [`strict`] | JSON read without leniency |
//! | [`canonical`] | the form of JSON that digests are taken of |
//! | [`dispatch`] | telling SQS that a run waits |
//! | [`arm`] | having the sweep come |
//! | [`migrate`] | bringing a database to what this version needs |
//! | [`metrics`] | counts for CloudWatch |
//! | [`traces`] | a run's way from its request to its steps, for a collector |
//! | [`openapi`] | the OpenAPI document, generated from the types above |
//!
//! A function is `config → connection → handler`, a handler is `path → body → one verb → reply`, and everything that
//! knows about a run's state is a verb.

pub mod app;
pub mod arm;
pub mod audit;
pub mod auth;
pub mod aws;
pub mod bucket;
pub mod canonical;
pub mod catalog;
pub mod config;
pub mod cursor;
pub mod dag;
pub mod db;
pub mod dispatch;
pub mod events;
pub mod evidence;
pub mod functions;
pub mod http;
pub mod invocation;
pub mod logging;
pub mod metrics;
pub mod migrate;
pub mod openapi;
pub mod problem;
pub mod reach;
pub mod runs;
pub mod scope;
pub mod steps;
pub mod strict;
pub mod sweep;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod traces;
pub mod workers;

/// The migrations of this version, for tests and for the tools that apply them.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");
