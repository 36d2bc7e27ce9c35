//! A database with a tenant, an API on it, and workers.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runplane::auth::{ApiKey, SECRET_BYTES};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;
use uuid::Uuid;

use crate::api;
use crate::network::Network;

/// How long a condition may take to come true.
const DEADLINE: Duration = Duration::from_secs(30);

/// Asks `probe` again and again until it answers `Some`, and returns that.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < until, "it did not come true that {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Where a test takes place.
pub struct World {
    pub pool: PgPool,
    pub network: Network,
    pub tenant: Uuid,
    /// Of a worker for every tenant, which may do nothing else.
    key: String,
    url: String,
}

impl World {
    pub async fn new(options: PgConnectOptions) -> Self {
        let (network, tenant) = (Network::default(), Uuid::now_v7());
        let url = api::start(&options, &network).await;
        let pool = PgPoolOptions::new().max_connections(2).connect_with(options).await.unwrap();
        let sql = "insert into tenants (id, name) values ($1, 'acme')";
        sqlx::query(sql).bind(tenant).execute(&pool).await.unwrap();
        let key = ApiKey::new(Uuid::now_v7(), [7; SECRET_BYTES]);
        let sql = "insert into api_keys (id, name, roles, secret_sha256, created_by) values ($1, 'fleet', '{worker}', $2, 'a test')";
        sqlx::query(sql).bind(key.id).bind(key.digest().to_vec()).execute(&pool).await.unwrap();
        Self { pool, network, tenant, key: key.text(), url }
    }

    /// An APPROVED version with this spec.
    pub async fn version(&self, dag_spec: Value) -> Uuid {
        let (pipeline, version) = (Uuid::now_v7(), Uuid::now_v7());
        let sql = "insert into pipelines (id, tenant_id, name) values ($1, $2, $1::text)";
        sqlx::query(sql).bind(pipeline).bind(self.tenant).execute(&self.pool).await.unwrap();
        let sql = "insert into pipeline_versions (id, tenant_id, pipeline_id, version, status, dag_spec, approved_at)
                   values ($1, $2, $3, '1', 'APPROVED', $4, now())";
        let insert = sqlx::query(sql).bind(version).bind(self.tenant).bind(pipeline).bind(dag_spec);
        insert.execute(&self.pool).await.unwrap();
        version
    }

    /// A QUEUED run of a version.
    pub async fn run_of(&self, version: Uuid) -> Uuid {
        let id = Uuid::now_v7();
        let sql = "insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch)
                   select $1, $1, tenant_id, pipeline_id, id, 'pull' from pipeline_versions where id = $2";
        sqlx::query(sql).bind(id).bind(version).execute(&self.pool).await.unwrap();
        id
    }

    /// A QUEUED run of a version of its own.
    pub async fn run(&self, dag_spec: Value) -> Uuid {
        let version = self.version(dag_spec).await;
        self.run_of(version).await
    }

    /// The row of a run.
    pub async fn row(&self, run: Uuid) -> Value {
        let sql = "select to_jsonb(r) || jsonb_build_object('due_in', extract(epoch from available_at - now()),
                                                            'lives_for', extract(epoch from lease_expires_at - now()))
                   from pipeline_runs r where id = $1";
        sqlx::query_scalar(sql).bind(run).fetch_one(&self.pool).await.unwrap()
    }

    /// The row of a run once it has this status.
    pub async fn becomes(&self, run: Uuid, status: &str) -> Value {
        eventually(&format!("the run is {status}"), async || {
            let row = self.row(run).await;
            (row["status"] == status).then_some(row)
        })
        .await
    }

    pub async fn execute(&self, sql: &'static str, run: Uuid) {
        let changed = sqlx::query(sql).bind(run).execute(&self.pool).await.unwrap();
        assert_eq!(changed.rows_affected(), 1, "{sql}");
    }

    /// Starts a worker with more arguments.
    pub fn worker(&self, line: &str) -> Worker {
        self.worker_with(line, &[])
    }

    /// Starts a worker with more arguments and variables.
    pub fn worker_with(&self, line: &str, variables: &[(String, &str)]) -> Worker {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runplane"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            let ours = ["CP_BASE", "POLL_SECONDS", "WORKER_ID", "TENANT_ID", "QUEUES", "CONCURRENCY"];
            if name.starts_with("RUNPLANE_") || name.ends_with("_SECONDS") || ours.contains(&&*name) {
                command.env_remove(&*name);
            }
        }
        command.arg("worker").arg("--json").args(line.split_whitespace());
        command
            .env("CP_BASE", &self.url)
            .env("RUNPLANE_API_KEY", &self.key)
            .env("POLL_SECONDS", "0.1")
            .env("LEASE_SECONDS", "5")
            .env("WORKER_ID", "w-1")
            .envs(variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let heard = Arc::clone(&said);
        let reading = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                heard.lock().unwrap().push(line);
            }
        });
        Worker { child, said, reading }
    }

    /// Runs a worker until there is nothing to do; what it said.
    pub async fn work_off(&self, line: &str) -> Vec<Value> {
        let (status, said) = self.worker(&format!("--once {line}")).ends().await;
        assert_eq!(status.code(), Some(0), "{said:#?}");
        said
    }
}

/// A worker under way. Dropped, it is killed.
pub struct Worker {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    reading: tokio::task::JoinHandle<()>,
}

impl Worker {
    /// What it has said so far.
    pub fn said(&self) -> Vec<Value> {
        let said = self.said.lock().unwrap();
        said.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|_| json!(line))).collect()
    }

    /// How often it has said this.
    pub fn times(&self, event: &str) -> usize {
        self.said().iter().filter(|line| line["event"] == event).count()
    }

    /// Returns when it says this about the run, or about itself, for the first time.
    pub async fn says(&self, event: &str) -> Value {
        eventually(&format!("the worker says {event:?}, beside {:#?}", self.said()), async || {
            self.said().into_iter().find(|line| line["event"] == event)
        })
        .await
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().expect("it runs")).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Returns when it has ended: how, and what it said.
    pub async fn ends(mut self) -> (ExitStatus, Vec<Value>) {
        let Ok(status) = tokio::time::timeout(DEADLINE, self.child.wait()).await else {
            panic!("the worker does not end: {:#?}", self.said());
        };
        // What was written before the end is read after it.
        (&mut self.reading).await.unwrap();
        (status.unwrap(), self.said())
    }
}

/// The events of these lines about runs, in their order.
pub fn events(said: &[Value]) -> Vec<&str> {
    let of_runs = said.iter().filter(|line| !line["run_id"].is_null());
    of_runs.map(|line| line["event"].as_str().unwrap_or_default()).collect()
}
