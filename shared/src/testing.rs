//! For the tests of the functions: an app on a database of its own with the demo data, and events from `events/`.

mod callsites;
mod collector;
pub mod fuzz;
mod sqs;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lambda_http::Body;
use serde_json::{Value, json};
use sqlx::postgres::{PgArguments, PgConnectOptions};
use sqlx::query::Query;
use sqlx::{ConnectOptions, Postgres};
use uuid::Uuid;

use crate::app::App;
use crate::arm::{Arm, Bell};
use crate::auth::{ApiKey, Auth, Role, SECRET_BYTES};
use crate::config::{ConfigError, Setting, Settings};
use crate::db::{Db, Pooler};
use crate::functions::Function;
use crate::http::{Call, Reply};
use crate::metrics::{DB_TIME, Unit};
use crate::problem::Problem;
use crate::traces::Traces;

pub(crate) use callsites::unsettled;
pub use collector::{Collector, SpanSeen};
pub use sqs::Sqs;

const DEMO: &str = include_str!("../../localstack/demo.sql");
/// The key of a test.
const KEY: Uuid = Uuid::from_u128(0x0199_e0c0_0000_7000_8000_0000_0000_0041);
/// Ids of the demo data begin like this, the approved version's and the demo tenant's apart.
const DEMO_IDS: [&str; 3] = ["0199e0c0-", "b31dbeba-", "580115b4-"];

/// An app as a function has it, without a queue, on a database that holds the demo data. It asks nobody who they are.
///
/// # Panics
/// If the demo data cannot be loaded.
pub async fn app(options: PgConnectOptions, function: &'static Function) -> Arc<App> {
    unsettled();
    let mut conn = options.connect().await.expect("the test's database answers");
    sqlx::raw_sql(DEMO).execute(&mut conn).await.expect("the demo data can be loaded");
    let app = App::new(function, Db::new(options, function.plans, Pooler::None), None);
    Arc::new(app.with_auth(Auth::off()))
}

/// The same app, which arms the sweep by this SQS.
///
/// # Panics
/// If the demo data cannot be loaded.
pub async fn arming(options: PgConnectOptions, function: &'static Function, sqs: &Sqs) -> Arc<App> {
    let app = Arc::into_inner(app(options, function).await).expect("nobody else has it yet");
    Arc::new(app.with_arm(Arm::new(Bell::new(sqs.client(), sqs.queue_url("sweep.fifo")))))
}

/// The same app, which asks everybody for a key.
///
/// # Panics
/// If the demo data cannot be loaded.
pub async fn locked(options: PgConnectOptions, function: &'static Function) -> Arc<App> {
    let app = Arc::into_inner(app(options, function).await).expect("nobody else has it yet");
    Arc::new(app.with_auth(Auth::required(None)))
}

/// Makes a key with these roles; None: across tenants. Returns its text. A test has one key at a time: the next one takes its place.
///
/// # Panics
/// If Postgres refuses it.
pub async fn key(app: &App, tenant: Option<Uuid>, roles: &[Role]) -> String {
    let key = ApiKey::new(KEY, [1; SECRET_BYTES]);
    let roles: Vec<_> = roles.iter().map(|role| role.as_str().to_owned()).collect();
    let insert = sqlx::query(
        "insert into api_keys (id, tenant_id, name, roles, secret_sha256, created_by) values ($1, $2, 'demo', $3, $4, 'test')
         on conflict (id) do update set tenant_id = excluded.tenant_id, roles = excluded.roles",
    );
    execute(app, insert.bind(key.id).bind(tenant).bind(roles).bind(key.digest().to_vec())).await;
    key.text()
}

/// The event of a request that brings this key.
///
/// # Panics
/// If the event is not JSON.
pub fn with_key(event: &str, key: &str) -> String {
    let mut event: Value = serde_json::from_str(event).expect("an event is JSON");
    event["headers"]["authorization"] = json!(format!("Bearer {key}"));
    event.to_string()
}

/// Checks that a function reads what [`crate::functions`] lists for it, and needs what is required. `configure` is what it
/// does when it starts.
///
/// # Panics
/// If not.
pub async fn check_settings<T>(
    function: &'static Function,
    configure: impl AsyncFn(&mut Settings) -> Result<T, ConfigError>,
) {
    let name = function.name;
    let mut all = Settings::with(function, |setting| Some(sample(setting).into()));
    assert_eq!(failure(configure(&mut all).await), None, "{name} has all its settings");
    assert_eq!(all.unread(), [], "{name} never reads what is listed for it");

    for &left_out in function.settings {
        let given = move |setting| (setting != left_out).then(|| sample(setting).into());
        let result = configure(&mut Settings::with(function, given)).await;
        // An issuer's tokens are taken only with an audience.
        let required = left_out.is_required() || left_out == Setting::OidcAudience;
        let expected = required.then(|| ConfigError::Missing(left_out).to_string());
        assert_eq!(failure(result), expected, "{name} without {left_out}");
    }
}

fn failure<T>(result: Result<T, ConfigError>) -> Option<String> {
    result.err().map(|error| error.to_string())
}

fn sample(setting: Setting) -> &'static str {
    match setting {
        Setting::DatabaseUrl => "postgres://runplane_app@localhost/runplane",
        Setting::OwnerDatabaseUrl => "postgres://owner@localhost/runplane",
        Setting::OperatorKeySecret => "runplane/operator-key",
        Setting::OwnerPasswordSecret => "runplane/owner",
        Setting::DbLogin => "password",
        Setting::DbPooler => "transaction",
        Setting::RunsQueueUrl => "http://localhost/runs",
        Setting::SweepQueueUrl => "http://localhost/sweep.fifo",
        Setting::DeliverQueueUrl => "http://localhost/deliver.fifo",
        Setting::WorkerLeaseSeconds => "60",
        Setting::OutputBucket => "outputs",
        Setting::SecretsPrefix => "runplane/",
        Setting::RetentionDays => "30",
        Setting::EventBus => "arn:aws:events:eu-west-1:000000000001:event-bus/ours",
        Setting::Auth => "required",
        Setting::OidcIssuer => "https://issuer.example/",
        Setting::OidcAudience => "runplane",
        Setting::OidcJwks => {
            r#"{"keys":[{"kid":"1","use":"sig","kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#
        }
        Setting::OidcTenantClaim => "tenant",
        Setting::OidcRolesClaim => "/realm_access/roles",
        Setting::OtlpEndpoint => "http://localhost:4318",
    }
}

/// Runs a query on the app's connection and returns how many rows it touched.
///
/// # Panics
/// If Postgres refuses it.
pub async fn execute(app: &App, query: Query<'_, Postgres, PgArguments>) -> u64 {
    app.call(async |conn| query.execute(conn).await).await.expect("the query of a test").rows_affected()
}

/// Sends an event through the edge to a handler. Returns status, headers and body, in which ids and times that are new
/// every time are replaced by `[id]` and `[time]`.
///
/// # Panics
/// If the event is not an API Gateway event, or the answer not JSON.
pub async fn answer<H, F>(app: &Arc<App>, handler: &H, event: &str) -> Value
where
    H: Fn(Arc<App>, Call) -> F + Send + Sync,
    F: Future<Output = Result<Reply, Problem>> + Send,
{
    let request = lambda_http::request::from_str(event).expect("an event of API Gateway");
    let app: Result<_, ConfigError> = Ok(Arc::clone(app));
    let response = crate::http::answer(&app, handler, request).await;
    let headers: serde_json::Map<_, _> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap_or_default())))
        .collect();
    let body: Value = match response.body() {
        Body::Text(body) => serde_json::from_str(body).expect("a body of JSON"),
        Body::Empty => Value::Null,
        other => panic!("a body of text, not {other:?}"),
    };
    stable(json!({"status": response.status().as_u16(), "headers": headers, "body": body}))
}

/// What the app has measured since it was last asked, without the calls of Postgres: sums of counts, and of times how many there are.
pub fn measured(app: &App) -> BTreeMap<&'static str, f64> {
    let mut measured = app.metrics.take();
    measured.remove(DB_TIME.name);
    let value = |(unit, values): (Unit, Vec<f64>)| match unit {
        Unit::Count => values.iter().sum(),
        Unit::Milliseconds | Unit::Seconds => values.len() as f64,
    };
    measured.into_iter().map(|(name, values)| (name, value(values))).collect()
}

/// Collects the log of the present thread as a function would write it, until the guard is dropped.
pub fn captured_log() -> (CapturedLog, tracing::subscriber::DefaultGuard) {
    unsettled();
    let log = CapturedLog::default();
    let filter: tracing_subscriber::filter::Targets = "debug".parse().expect("a filter");
    let guard = tracing::subscriber::set_default(crate::logging::json_lines(log.clone(), filter));
    (log, guard)
}

/// The same app, whose spans go to this collector. The spans of the present thread, and its log, until the guard is dropped.
///
/// # Panics
/// If the address is none.
pub fn traced(app: Arc<App>, collector: &str) -> (Arc<App>, CapturedLog, tracing::subscriber::DefaultGuard) {
    // However busy the machine is that the tests run on.
    let traces = Traces::to(&collector.parse().expect("a URL"), app.function, Duration::from_secs(20));
    let log = CapturedLog::default();
    let filter: tracing_subscriber::filter::Targets =
        "debug,hyper_util=info,reqwest=info".parse().expect("a filter");
    let subscriber = crate::logging::lines_and_spans(log.clone(), filter, &traces);
    let guard = tracing::subscriber::set_default(subscriber);
    let app = Arc::into_inner(app).expect("nobody else has it yet");
    (Arc::new(App { traces, ..app }), log, guard)
}

/// Lines of JSON that were logged.
#[derive(Clone, Debug, Default)]
pub struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    /// Everything that was logged so far, as text.
    ///
    /// # Panics
    /// If it is not UTF-8.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().expect("no writer panicked").clone();
        String::from_utf8(bytes).expect("a log is UTF-8")
    }

    /// The lines whose message contains `part`.
    ///
    /// # Panics
    /// If a line is not JSON.
    pub fn lines_about(&self, part: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        lines.filter(|line| line["message"].as_str().is_some_and(|message| message.contains(part))).collect()
    }
}

impl std::io::Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no writer panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for CapturedLog {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Replaces what is new every time.
pub fn stable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(stable_text(text)),
        Value::Array(items) => items.into_iter().map(stable).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, field)| (key, stable(field))).collect(),
        other => other,
    }
}

fn stable_text(text: String) -> String {
    let tail = text.rsplit('/').next().unwrap_or_default();
    if uuid::Uuid::try_parse(tail).is_ok() && !DEMO_IDS.iter().any(|demo| tail.starts_with(demo)) {
        return text.replace(tail, "[id]");
    }
    if chrono::DateTime::parse_from_rfc3339(&text).is_ok() { "[time]".to_owned() } else { text }
}
