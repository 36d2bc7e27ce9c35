//! A Postgres, a queue of the worker, and the functions; and runs of a tenant's version.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use xtask::host::Host;
use xtask::mapping::{self, Mapping};
use xtask::paths::Dirs;
use xtask::{database, postgres, queues, sqs};

/// The demo tenant.
pub const TENANT: &str = "580115b4-a291-4917-8dbd-247cfa13e2d6";
/// A pipeline of it.
const PIPELINE: &str = "0199e0c0-0000-7000-8000-000000000011";
/// For slow machines.
const LIMIT: Duration = Duration::from_secs(60);

fn dirs() -> Dirs {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    Dirs::new(root)
}

/// Where SQS and EventBridge are: `AWS_ENDPOINT_URL` (`cargo xtask test` sets it), or a server of the test's own.
pub struct Aws {
    pub endpoint_url: String,
    _own: Option<sqs::Server>,
}

impl Aws {
    pub async fn get(name: &str) -> Self {
        if let Ok(endpoint_url) = std::env::var("AWS_ENDPOINT_URL") {
            return Self { endpoint_url, _own: None };
        }
        let options = sqs::Options { name: format!("test-observed-{name}-sqs"), port: None };
        let own = sqs::Server::start(&dirs(), options).await.unwrap();
        Self { endpoint_url: own.endpoint_url.clone(), _own: Some(own) }
    }

    /// A queue of the test's own; its URL and its ARN.
    pub async fn queue(&self) -> (String, String) {
        let name = Uuid::new_v4();
        let client = queues::client(&self.endpoint_url).await;
        client.create_queue().queue_name(name).send().await.unwrap();
        let arn = format!("arn:aws:sqs:{}:000000000000:{name}", queues::REGION);
        (format!("{}/000000000000/{name}", self.endpoint_url), arn)
    }

    /// A FIFO queue of the test's own; its URL.
    pub async fn fifo(&self) -> String {
        let name = format!("{}.fifo", Uuid::new_v4());
        let client = queues::client(&self.endpoint_url).await;
        let create =
            client.create_queue().queue_name(&name).attributes(QueueAttributeName::FifoQueue, "true");
        create.send().await.unwrap();
        format!("{}/000000000000/{name}", self.endpoint_url)
    }
}

/// Functions with a database and a queue. It ends with the test.
pub struct Stage {
    pub host: Host,
    pub db: PgConnection,
    mapping: JoinHandle<anyhow::Result<()>>,
    _postgres: postgres::Server,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.mapping.abort();
    }
}

impl Stage {
    /// These functions with these variables beside their usual ones; `name` is the test's own. Nobody is asked for a key.
    pub async fn start(name: &str, aws: &Aws, functions: &[&str], env: &[(&str, &str)]) -> Self {
        let options = postgres::Options {
            name: format!("test-observed-{name}"),
            port: None,
            throw_away: true,
            folder: None,
            settings: vec![("fsync".to_owned(), "off".to_owned())],
        };
        let postgres = postgres::Server::start(&dirs(), options).await.unwrap();
        database::migrate(&dirs(), &postgres.database_url).await.unwrap();
        database::load_demo(&dirs(), &postgres.database_url).await.unwrap();
        let (queue_url, _) = aws.queue().await;
        let sweep_url = aws.fifo().await;
        let usual = [
            ("AUTH", "off"),
            ("DATABASE_URL", &postgres.database_url),
            ("RUNS_QUEUE_URL", &queue_url),
            // Nobody comes by it: tests invoke the sweep themselves.
            ("SWEEP_QUEUE_URL", &sweep_url),
            ("DELIVER_QUEUE_URL", &sweep_url),
            ("AWS_ENDPOINT_URL", &aws.endpoint_url),
            ("AWS_REGION", queues::REGION),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        let host = functions.iter().fold(Host::builder(dirs().root()), |host, name| host.function(name, 1));
        let host = usual.iter().chain(env).fold(host, |host, (name, value)| host.env(name, *value));
        let host = host.start().await.unwrap();
        let mapping = Mapping {
            endpoint_url: aws.endpoint_url.clone(),
            queue_url,
            invoke_url: host.base_url.clone(),
            function: "worker".to_owned(),
        };
        let mapping = tokio::spawn(mapping::run(mapping, CancellationToken::new()));
        let db = database::connect(&postgres.database_url).await.unwrap();
        Self { host, db, mapping, _postgres: postgres }
    }

    /// An APPROVED version of the demo tenant; its id.
    pub async fn version(&mut self, dag_spec: Value) -> Uuid {
        let id = Uuid::now_v7();
        let insert = "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at, approved_by)
                      values ($1, $2::uuid, $3::uuid, $1::text, 'APPROVED', $4, now(), 'test')";
        let insert = sqlx::query(insert).bind(id).bind(TENANT).bind(PIPELINE).bind(dag_spec);
        insert.execute(&mut self.db).await.unwrap();
        id
    }

    /// A connection of the demo tenant to a server on this machine, which an operator has opened to it.
    pub async fn connection(&mut self, name: &str, url: &str) {
        let config = json!({ "base_url": url, "allow_private_addresses": true });
        let insert = "insert into connections (id, tenant_id, name, kind, config) values ($1, $2::uuid, $3, 'http', $4)";
        let insert = sqlx::query(insert).bind(Uuid::now_v7()).bind(TENANT).bind(name).bind(config);
        insert.execute(&mut self.db).await.unwrap();
    }

    /// `POST path`, of this trace; what it is answered.
    pub async fn post(&self, path: &str, body: &Value, traceparent: Option<&str>) -> Value {
        let mut request = reqwest::Client::new().post(format!("{}{path}", self.host.base_url)).json(body);
        if let Some(traceparent) = traceparent {
            request = request.header("traceparent", traceparent);
        }
        let response = request.send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Invokes a function; what it answers.
    pub async fn invoke(&self, function: &str) -> Value {
        self.host.invoke(function, &json!({})).await.unwrap()
    }

    /// Waits until a run has SUCCEEDED.
    pub async fn succeeds(&mut self, run: &Value) {
        let id: Uuid = run["id"].as_str().unwrap().parse().unwrap();
        let since = Instant::now();
        loop {
            let status = sqlx::query_scalar("select status from pipeline_runs where id = $1").bind(id);
            let status: String = status.fetch_one(&mut self.db).await.unwrap();
            match status.as_str() {
                "SUCCEEDED" => return,
                "QUEUED" | "RUNNING" if since.elapsed() < LIMIT => pause().await,
                _ => panic!("{status}: {run}\n{}", self.host.logs("worker").join("\n")),
            }
        }
    }
}

/// Polls until there is an answer.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(since.elapsed() < LIMIT, "never happened: {what}");
        pause().await;
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
