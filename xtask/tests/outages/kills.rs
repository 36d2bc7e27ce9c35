//! `kill -9` at the worst moment: nothing is lost, and nothing runs twice.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName::{ApproximateNumberOfMessages, FifoQueue, VisibilityTimeout};
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use xtask::host::Host;
use xtask::mapping::{self, Mapping};
use xtask::paths::Dirs;
use xtask::{database, postgres, queues, sqs};

use crate::stage::{create_body, functions, postgres, root};
use xtask::line::Line;

/// How long anything here may take: a wait that ends as soon as it can.
const DEADLINE: Duration = Duration::from_secs(60);

/// Postgres, SQS with a queue of the test's own, and the functions `create`, `worker` and `sweep`. The functions reach SQS
/// over a line that can be frozen. Nothing moves messages before [`Stage::map`].
struct Stage {
    host: Host,
    db: PgConnection,
    line: Line,
    client: Client,
    endpoint_url: String,
    queue_url: String,
    _postgres: postgres::Server,
    _sqs: Option<sqs::Server>,
}

impl Stage {
    async fn new(name: &str) -> Self {
        let postgres = postgres(&format!("kills-{name}")).await;
        let db = database::connect(&postgres.database_url).await.unwrap();
        let (endpoint_url, sqs) = match std::env::var("AWS_ENDPOINT_URL") {
            Ok(url) => (url, None),
            Err(_) => {
                let options = sqs::Options { name: format!("test-kills-{name}"), port: None };
                let own = sqs::Server::start(&Dirs::new(root()), options).await.unwrap();
                (own.endpoint_url.clone(), Some(own))
            }
        };
        let client = queues::client(&endpoint_url).await;
        let queue = uuid::Uuid::new_v4().to_string();
        // Twelve hours: what comes back sooner was made to.
        let create = client.create_queue().queue_name(&queue).attributes(VisibilityTimeout, "43200");
        create.send().await.unwrap();
        // Nobody comes by it: tests invoke the sweep themselves.
        let fifo = format!("{queue}.fifo");
        let create = client.create_queue().queue_name(&fifo).attributes(FifoQueue, "true");
        create.send().await.unwrap();
        let port = endpoint_url.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
        let line = Line::to(port).await.unwrap();
        let through_line = format!("http://127.0.0.1:{}", line.port);
        let host = functions()
            .function("worker", 2)
            .function("sweep", 1)
            .timeout("worker", Duration::from_secs(60))
            .env("DATABASE_URL", &postgres.database_url)
            .env("AWS_ENDPOINT_URL", &through_line)
            .env("RUNS_QUEUE_URL", format!("{through_line}/000000000000/{queue}"))
            .env("SWEEP_QUEUE_URL", format!("{through_line}/000000000000/{fifo}"))
            .env("DELIVER_QUEUE_URL", format!("{through_line}/000000000000/{fifo}"))
            .env("WORKER_LEASE_SECONDS", "5");
        let host = host.start().await.unwrap();
        let queue_url = format!("{}/000000000000/{queue}", endpoint_url.trim_end_matches('/'));
        Self { host, db, line, client, endpoint_url, queue_url, _postgres: postgres, _sqs: sqs }
    }

    /// A push run, from a client that does not wait for the answer.
    fn create(&self) -> JoinHandle<()> {
        let request = reqwest::Client::new().post(format!("{}/api/runs", self.host.base_url));
        let request = request.json(&create_body("push"));
        tokio::spawn(async move {
            request.send().await.ok();
        })
    }

    /// Moves messages from now on, as AWS does.
    fn map(&self) -> JoinHandle<anyhow::Result<()>> {
        let mapping = Mapping {
            endpoint_url: self.endpoint_url.clone(),
            queue_url: self.queue_url.clone(),
            invoke_url: self.host.base_url.clone(),
            function: "worker".to_owned(),
        };
        tokio::spawn(mapping::run(mapping, CancellationToken::new()))
    }

    async fn sweep(&self) -> Value {
        self.host.invoke("sweep", &json!({})).await.unwrap()
    }

    async fn messages(&self) -> u64 {
        let ask = self.client.get_queue_attributes().queue_url(&self.queue_url);
        let answer = ask.attribute_names(ApproximateNumberOfMessages).send().await.unwrap();
        answer.attributes().unwrap()[&ApproximateNumberOfMessages].parse().unwrap()
    }

    /// Waits until a condition holds on the one run of the demo tenant.
    async fn until(&mut self, condition: &'static str) {
        let sql =
            format!("select exists (select from pipeline_runs where dispatch = 'push' and ({condition}))");
        let holds = async {
            while !sqlx::query_scalar::<_, bool>(sqlx::AssertSqlSafe(sql.as_str()))
                .fetch_one(&mut self.db)
                .await
                .unwrap()
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(DEADLINE, holds).await.unwrap_or_else(|_| panic!("not in time: {condition}"));
    }

    async fn execute(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.db).await.unwrap();
    }
}

#[tokio::test]
async fn a_create_that_dies_before_it_has_told_sqs_leads_to_one_run() {
    let mut stage = Stage::new("before-send").await;
    stage.line.freeze();
    let caller = stage.create();
    stage.until("dispatch_due_at is not null").await;
    stage.host.kill_environment("create").await.unwrap();
    caller.await.unwrap();
    // It may have written to the line by then.
    stage.line.cut();
    assert_eq!(stage.messages().await, 0, "it had told SQS already");

    let mapping = stage.map();
    assert_eq!(stage.sweep().await["dispatched"], 1);
    stage.until("status = 'SUCCEEDED' and claim_count = 1 and attempt = 1 and lost = 0").await;
    assert_eq!(stage.sweep().await["dispatched"], 0);
    mapping.abort();
}

#[tokio::test]
async fn a_create_that_dies_between_telling_sqs_and_the_row_leads_to_one_run() {
    let mut stage = Stage::new("after-send").await;
    stage
        .execute(
            "create function hold() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return new; end $$;
             create trigger hold before update on pipeline_runs for each row
               when (new.status = 'QUEUED' and old.dispatch_due_at is not null and new.dispatch_due_at is null)
               execute function hold()",
        )
        .await;
    let caller = stage.create();
    let sent = async {
        while stage.messages().await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, sent).await.expect("a message");
    stage.host.kill_environment("create").await.unwrap();
    caller.await.unwrap();
    stage.execute("drop trigger hold on pipeline_runs").await;

    // The row does not know that SQS knows: it is told again, and two messages run one run once.
    assert_eq!(stage.sweep().await["dispatched"], 1);
    let mapping = stage.map();
    stage.until("status = 'SUCCEEDED'").await;
    let drained = async {
        while stage.messages().await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, drained).await.expect("an empty queue");
    stage.until("claim_count = 1 and attempt = 1 and lost = 0").await;
    mapping.abort();
}

#[tokio::test]
async fn a_worker_that_is_killed_at_work_is_replaced_by_the_next_one_that_sqs_wakes() {
    let mut stage = Stage::new("worker").await;
    // The first claim cannot be completed, as if its work went on.
    stage
        .execute(
            "create function hold() returns trigger language plpgsql as $$
             begin raise exception 'held' using errcode = 'insufficient_resources'; end $$;
             create trigger hold before update on pipeline_runs for each row
               when (new.status = 'SUCCEEDED' and new.claim_count = 1) execute function hold()",
        )
        .await;
    let mapping = stage.map();
    stage.create().await.unwrap();
    // Its heartbeats go on meanwhile.
    stage.until("status = 'RUNNING' and heartbeat_at is not null").await;
    let holder: String = sqlx::query_scalar("select claimed_by from pipeline_runs where dispatch = 'push'")
        .fetch_one(&mut stage.db)
        .await
        .unwrap();
    let log_stream = holder.strip_prefix("lambda:worker:").unwrap();
    stage.host.kill_log_stream("worker", log_stream).await.unwrap();

    // Nobody polls, nobody sweeps: SQS shows the message again five seconds after the lease.
    stage.until("status = 'SUCCEEDED' and claim_count = 2 and lost = 1 and attempt = 1").await;
    let lost: String = sqlx::query_scalar("select claimed_by from run_attempts where outcome = 'LOST'")
        .fetch_one(&mut stage.db)
        .await
        .unwrap();
    assert_eq!(lost, holder);
    mapping.abort();
}
