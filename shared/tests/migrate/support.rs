//! A database that is empty, a role that nobody else uses, and a Secrets Manager that remembers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_secretsmanager::config::Credentials;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Json, Router};
use runplane::db::LoginBy;
use runplane::migrate::{Deployment, KeyStore, MigrateFailure, Migrated};
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use url::Url;
use uuid::Uuid;

pub const SOON: Duration = Duration::from_secs(60);
pub const PASSWORD: &str = "p@ss: 'w\"o\\rd";

/// A database of the test's own, and what deploys onto it.
pub struct Stage {
    pub owner: Url,
    /// The functions' role. Roles are the server's, not the database's: its name is the test's own.
    pub role: String,
    pub manager: Manager,
    options: PgConnectOptions,
}

impl Stage {
    pub async fn new(options: &PgConnectOptions) -> Self {
        let role = format!("t_{}", Uuid::now_v7().simple());
        Self {
            owner: options.to_url_lossy(),
            role,
            manager: Manager::start().await,
            options: options.clone(),
        }
    }

    /// The functions' connection string.
    pub fn functions(&self, password: &str) -> Url {
        let mut url = self.owner.clone();
        url.set_username(&percent(&self.role)).unwrap();
        url.set_password(Some(&percent(password))).unwrap();
        url
    }

    pub fn deployment(&self, password: &str) -> Deployment {
        let store = KeyStore::with_client("stack/operator-key".to_owned(), self.manager.client.clone());
        Deployment::new(self.owner.as_str(), self.functions(password).as_str(), Some(store)).unwrap()
    }

    /// The same, but the functions' connection string is one for tokens.
    pub fn with_tokens(&self) -> Deployment {
        let mut functions = self.functions("");
        functions.set_password(None).unwrap();
        functions.set_query(Some("sslmode=verify-full"));
        let deployment = Deployment::new(self.owner.as_str(), functions.as_str(), None).unwrap();
        deployment.logging_in_by(LoginBy::Iam).unwrap()
    }

    pub async fn bring_up(&self) -> Result<Migrated, MigrateFailure> {
        self.deployment(PASSWORD).bring_up(SOON, "request-1").await
    }

    /// A connection of the server's owner, whoever deploys.
    pub async fn owner(&self) -> PgConnection {
        self.options.connect().await.unwrap()
    }

    /// As the functions connect.
    pub async fn functions_pool(&self) -> sqlx::PgPool {
        PgPoolOptions::new().max_connections(1).connect(self.functions(PASSWORD).as_str()).await.unwrap()
    }

    /// Whether there is a table of this name.
    pub async fn has(&self, table: &str) -> bool {
        let has = sqlx::query_scalar("select to_regclass($1) is not null").bind(table);
        has.fetch_one(&mut self.owner().await).await.unwrap()
    }

    /// The migrations that the database says it has, as their versions and checksums.
    pub async fn applied(&self) -> Vec<(i64, Vec<u8>, String)> {
        let all = "select version, checksum, installed_on::text from _sqlx_migrations order by version";
        sqlx::query_as(all).fetch_all(&mut self.owner().await).await.unwrap()
    }

    pub async fn run(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.owner().await).await.unwrap();
    }

    /// Roles stay when a test's database goes.
    pub async fn end(self) {
        let drop: String = sqlx::query_scalar("select format('drop role if exists %I', $1)")
            .bind(&self.role)
            .fetch_one(&mut self.owner().await)
            .await
            .unwrap();
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut self.owner().await).await.unwrap();
    }
}

/// Everything but letters and digits, so that nothing of a name or a password is read as part of the URL.
fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A Secrets Manager that keeps the operator's key, and has the owner's password.
pub struct Manager {
    pub client: aws_sdk_secretsmanager::Client,
    state: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    refuses: bool,
    keeps_nothing: bool,
    /// So many calls are refused as those of a role are that was made a moment ago.
    role_is_new: usize,
    values: Vec<String>,
    owner: String,
}

impl Manager {
    async fn start() -> Self {
        let state = Arc::new(Mutex::new(Kept::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(call).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url(url)
            .credentials_provider(Credentials::new("id", "key", None, None, "test"))
            .load()
            .await;
        Self { client: aws_sdk_secretsmanager::Client::new(&config), state }
    }

    /// From now on it refuses, or takes again, what it is given.
    pub fn refuse(&self, refuses: bool) {
        self.state.lock().unwrap().refuses = refuses;
    }

    /// From now on it answers, and keeps nothing; or does again.
    pub fn refuse_to_keep(&self, refuses: bool) {
        self.state.lock().unwrap().keeps_nothing = refuses;
    }

    /// The next call comes too soon after its role was made.
    pub fn role_is_new(&self) {
        self.state.lock().unwrap().role_is_new = 1;
    }

    /// What the secret of the owner is.
    pub fn owner(&self, secret: &str) {
        secret.clone_into(&mut self.state.lock().unwrap().owner);
    }

    /// The secrets are new ones, as after a deployment that took them back.
    pub fn forget(&self) {
        self.state.lock().unwrap().values.clear();
    }

    /// What it was given, the oldest first.
    pub fn values(&self) -> Vec<String> {
        self.state.lock().unwrap().values.clone()
    }
}

async fn call(
    State(state): State<Arc<Mutex<Kept>>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let mut kept = state.lock().unwrap();
    if kept.refuses {
        let answer = json!({"__type": "ResourceNotFoundException", "message": "no such secret"});
        return (StatusCode::BAD_REQUEST, Json(answer));
    }
    if kept.role_is_new > 0 {
        kept.role_is_new -= 1;
        let answer = json!({"__type": "AccessDeniedException", "message": "not authorized to perform"});
        return (StatusCode::BAD_REQUEST, Json(answer));
    }
    if headers["x-amz-target"] == "secretsmanager.GetSecretValue" {
        assert_eq!(body["SecretId"], "stack/owner");
        return (
            StatusCode::OK,
            Json(json!({"ARN": "arn", "Name": "stack/owner", "SecretString": kept.owner})),
        );
    }
    assert_eq!(body["SecretId"], "stack/operator-key");
    if headers["x-amz-target"] == "secretsmanager.DescribeSecret" {
        let mut answer = json!({"ARN": "arn", "Name": "stack/operator-key"});
        // As Secrets Manager does, it says nothing of versions where there are none.
        if !kept.values.is_empty() {
            answer["VersionIdsToStages"] = json!({"1": ["AWSCURRENT"]});
        }
        return (StatusCode::OK, Json(answer));
    }
    if kept.keeps_nothing {
        let answer = json!({"__type": "LimitExceededException", "message": "too many versions"});
        return (StatusCode::BAD_REQUEST, Json(answer));
    }
    kept.values.push(body["SecretString"].as_str().unwrap().to_owned());
    (StatusCode::OK, Json(json!({"ARN": "arn", "Name": "stack/operator-key", "VersionId": "1"})))
}
