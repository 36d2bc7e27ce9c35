//! Steps that reach a server: which attempts there are, under which key, and when the next one comes.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use chrono::Utc;
use runplane::app::App;
use runplane::dag::execute::{Ended, Work, execute};
use runplane::reach::Reach;
use runplane::reach::secrets::Secrets;
use runplane::testing;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use uuid::{Uuid, uuid};

use crate::support::{app, claimed, evaluators, executed, journal, lose, run_of, stored, work};

pub const TENANT: Uuid = uuid!("580115b4-a291-4917-8dbd-247cfa13e2d6");
/// What the connection's secret is, and what it is called.
pub const SECRET: &str = "correct-horse/battery+staple";
pub const SECRET_REF: &str = "shop/token";

/// A server that answers with the status that the path names, and remembers what it was sent.
#[derive(Clone, Debug, Default)]
pub struct Server {
    pub asked: Arc<Mutex<Vec<HeaderMap>>>,
}

impl Server {
    /// Starts it; where it is.
    pub async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/status/{status}", axum::routing::any(status))
            .route("/echo", axum::routing::any(echo))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    /// What came in a header, each time.
    pub fn told(&self, name: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|headers| headers[name].to_str().unwrap().to_owned()).collect()
    }
}

async fn status(
    State(server): State<Server>,
    Path(status): Path<u16>,
    headers: HeaderMap,
) -> (StatusCode, HeaderMap) {
    server.asked.lock().unwrap().push(headers);
    let mut answer = HeaderMap::new();
    if status == 503 {
        answer.insert("retry-after", "40".parse().unwrap());
    }
    (StatusCode::from_u16(status).unwrap(), answer)
}

/// All headers, as a service that is being debugged sends them back.
async fn echo(State(server): State<Server>, headers: HeaderMap, body: String) -> String {
    let told = format!("{headers:?} {body}");
    server.asked.lock().unwrap().push(headers);
    told
}

/// A connection to a server on this machine, which an operator has opened to it.
pub async fn connect(app: &App, url: &str) {
    let config = json!({
        "base_url": url, "auth": {"type": "bearer"}, "allow_private_addresses": true
    });
    let insert = sqlx::query(
        "insert into connections (id, tenant_id, name, kind, config, secret_ref) values ($1, $2, 'shop', 'http', $3, $4)",
    );
    let insert = insert.bind(Uuid::now_v7()).bind(TENANT).bind(config).bind(SECRET_REF);
    testing::execute(app, insert).await;
}

/// What has the secret of the connection.
pub fn reach() -> Arc<Reach> {
    let variable = runplane::reach::secrets::variable(TENANT, SECRET_REF);
    let secrets = Secrets::of_variables(move |name| (name == variable).then(|| SECRET.to_owned()));
    Arc::new(Reach::new(secrets, runplane::aws::of_function))
}

/// Executes what is left of a run.
pub async fn run(app: &Arc<App>, id: Uuid) -> Ended {
    let claim = claimed(app, id).await;
    let work = Work { reach: reach(), ..work(&claim, Arc::new(journal(app, &claim))) };
    execute(work, &evaluators()).await.unwrap()
}

fn step(status: u16, retry: Value) -> Value {
    let with = json!({"connection": "shop", "path": format!("/status/{status}")});
    json!({"steps": [{"id": "call", "type": "http", "with": with, "retry": retry}]})
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn errors_that_pass_are_retried_under_the_same_key_and_others_are_not(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options).await;
    let server = Server::default();
    connect(&app, &server.start().await).await;
    let quick = json!({"max_attempts": 3, "delay_seconds": 0.01});
    for (status, attempts) in
        [(200, 1), (400, 1), (401, 1), (404, 1), (408, 3), (425, 3), (429, 3), (500, 3), (502, 3)]
    {
        server.asked.lock().unwrap().clear();
        let id = run_of(&app, &step(status, quick.clone()), json!({})).await;
        let ended = run(&app, id).await;
        let keys = server.told("idempotency-key");
        assert_eq!(keys, vec![format!("{id}/call"); attempts], "{status}");
        match ended {
            Ended::Succeeded { .. } => assert_eq!(status, 200),
            Ended::Failed { error_message, .. } => {
                assert!(error_message.contains(&format!("http_{status}")), "{error_message}");
            }
            Ended::HandBack { .. } => panic!("{status}: nothing takes long"),
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_step_says_after_which_errors_it_is_retried(_pool: PgPoolOptions, options: PgConnectOptions) {
    let app = app(options).await;
    let server = Server::default();
    connect(&app, &server.start().await).await;
    for (on, attempts) in [("http_404", 2), ("http_4*", 2), ("http_40", 1), ("http_5*", 1), ("*", 2)] {
        server.asked.lock().unwrap().clear();
        let retry = json!({"max_attempts": 2, "delay_seconds": 0.01, "on": [on]});
        let id = run_of(&app, &step(404, retry), json!({})).await;
        run(&app, id).await;
        assert_eq!(server.asked.lock().unwrap().len(), attempts, "{on}");
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn the_next_attempt_comes_no_sooner_than_the_server_asks(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options).await;
    let server = Server::default();
    connect(&app, &server.start().await).await;
    let retry = json!({"max_attempts": 2, "delay_seconds": 0.01});
    let id = run_of(&app, &step(503, retry), json!({})).await;
    let claim = claimed(&app, id).await;
    let work = Work { reach: reach(), ..work(&claim, Arc::new(journal(&app, &claim))) };
    let Ended::HandBack { until: Some(until) } = execute(work, &evaluators()).await.unwrap() else {
        panic!("it goes on in 40 s, and is handed back until then");
    };
    let pause = (until - Utc::now()).num_seconds();
    assert!((30..=40).contains(&pause), "{pause}");
    let record = &stored(&app, &claim).await[0];
    assert_eq!((record.attempts, record.error.as_ref().unwrap().error.as_str()), (1, "http_503"));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_worker_that_died_in_the_middle_leaves_the_key_to_the_next_one(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options).await;
    let server = Server::default();
    connect(&app, &server.start().await).await;
    let items = json!({"steps": [{"id": "call", "type": "http", "for_each": {"items": ["a", "b"], "max_parallel": 2},
        "with": {"connection": "shop", "path": "/status/200"}}]});
    let id = run_of(&app, &items, json!({})).await;
    claimed(&app, id).await;
    lose(&app, id).await;
    assert!(matches!(run(&app, id).await, Ended::Succeeded { .. }));
    let mut keys = server.told("idempotency-key");
    keys.sort_unstable();
    assert_eq!(keys, [format!("{id}/call/0"), format!("{id}/call/1")]);
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn a_connection_that_is_not_there_any_more_fails_the_step(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let app = app(options).await;
    let other = "insert into connections (id, tenant_id, name, kind, config) values
                 (gen_random_uuid(), '0199e0c0-0000-7000-8000-000000000002', 'shop', 'http', '{\"base_url\": \"http://127.0.0.1:1\"}'),
                 (gen_random_uuid(), '580115b4-a291-4917-8dbd-247cfa13e2d6', 'queue', 'sqs', '{\"queue_url\": \"http://127.0.0.1:1/000000000000/q\"}')";
    testing::execute(&app, sqlx::query(other)).await;
    for name in ["shop", "queue"] {
        let with = json!({"connection": name, "path": "/"});
        let spec = json!({"steps": [{"id": "call", "type": "http", "with": with}]});
        let id = run_of(&app, &spec, json!({})).await;
        let claim = claimed(&app, id).await;
        let Ended::Failed { error_message, .. } = executed(&app, &claim, &evaluators(), None).await.unwrap()
        else {
            panic!("{name}: another tenant's, or of another kind");
        };
        assert!(error_message.contains("connection_not_found"), "{error_message}");
    }
}
