//! An issuer on this machine.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONNECTION, LOCATION};
use axum::http::{Response, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::keys::Key;

/// Where it is found, beside its path.
const DISCOVERY: &str = "/.well-known/openid-configuration";

pub struct Issuer {
    /// Its name.
    pub url: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// What an issuer answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// What it should.
    Right,
    /// This, with this status.
    Other(u16, String),
    /// See there.
    Redirect(String),
    /// Nothing, ever.
    Never,
}

struct Shared {
    /// What its path is besides its host.
    path: &'static str,
    metadata: Mutex<Value>,
    keys: Mutex<Value>,
    discovery: Mutex<Answer>,
    jwks: Mutex<Answer>,
    discoveries: AtomicUsize,
    fetches: AtomicUsize,
    open: watch::Sender<bool>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.go_away();
    }
}

impl Issuer {
    /// With these keys.
    pub async fn new(keys: &[&Key]) -> Self {
        Self::at("", keys).await
    }

    /// Whose name ends with this path.
    pub async fn at(path: &'static str, keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}{path}");
        let shared = Arc::new(Shared {
            path: path.strip_suffix('/').unwrap_or(path),
            metadata: Mutex::new(json!({
                "issuer": url,
                "jwks_uri": format!("http://{address}/keys"),
                "token_endpoint": format!("http://{address}/token"),
                "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],
            })),
            keys: Mutex::default(),
            discovery: Mutex::new(Answer::Right),
            jwks: Mutex::new(Answer::Right),
            discoveries: AtomicUsize::new(0),
            fetches: AtomicUsize::new(0),
            open: watch::Sender::new(true),
        });
        let issuer = Self { url, address, shared, task: Mutex::default() };
        issuer.rotate(keys);
        issuer.serve(listener);
        issuer
    }

    /// Has these keys from now on.
    pub fn rotate(&self, keys: &[&Key]) {
        self.shows(keys.iter().map(|key| key.jwk()).collect());
    }

    /// The same, as JSON.
    pub fn shows(&self, keys: Vec<Value>) {
        *self.shared.keys.lock().unwrap() = json!({"keys": keys});
    }

    /// Its set of keys.
    pub fn jwks(&self) -> String {
        self.shared.keys.lock().unwrap().to_string()
    }

    /// Says something else about itself from now on.
    pub fn says(&self, name: &str, value: impl Into<Value>) {
        self.shared.metadata.lock().unwrap()[name] = value.into();
    }

    /// Where something is on its host.
    pub fn on_host(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers this when it is asked where its keys are.
    pub fn answers_discovery(&self, answer: Answer) {
        *self.shared.discovery.lock().unwrap() = answer;
    }

    /// Answers this when it is asked for its keys.
    pub fn answers_keys(&self, answer: Answer) {
        *self.shared.jwks.lock().unwrap() = answer;
    }

    /// Keeps whoever asks for its keys waiting, until it opens again.
    pub fn close(&self) {
        self.shared.open.send_replace(false);
    }

    pub fn open(&self) {
        self.shared.open.send_replace(true);
    }

    /// Nobody is there any more.
    pub fn go_away(&self) {
        if let Some(task) = self.task.lock().unwrap().take() {
            task.abort();
        }
    }

    /// Is there again.
    pub async fn come_back(&self) {
        self.serve(TcpListener::bind(self.address).await.unwrap());
    }

    /// How often it was asked for its keys.
    pub fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// How often it was asked for anything.
    pub fn requests(&self) -> usize {
        self.shared.discoveries.load(Ordering::SeqCst) + self.fetches()
    }

    fn serve(&self, listener: TcpListener) {
        let router = Router::new().fallback(answer).with_state(Arc::clone(&self.shared));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        *self.task.lock().unwrap() = Some(task);
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri) -> Response<Body> {
    let is_discovery = uri.path() == format!("{}{DISCOVERY}", shared.path);
    let (answer, right) = if is_discovery {
        shared.discoveries.fetch_add(1, Ordering::SeqCst);
        (&shared.discovery, &shared.metadata)
    } else if uri.path() == "/keys" {
        shared.fetches.fetch_add(1, Ordering::SeqCst);
        shared.open.subscribe().wait_for(|open| *open).await.unwrap();
        (&shared.jwks, &shared.keys)
    } else {
        return respond(404, "");
    };
    let answer = answer.lock().unwrap().clone();
    match answer {
        Answer::Right => respond(200, right.lock().unwrap().to_string()),
        Answer::Other(status, body) => respond(status, body),
        Answer::Redirect(to) => {
            let mut response = respond(302, "");
            response.headers_mut().insert(LOCATION, to.parse().unwrap());
            response
        }
        Answer::Never => std::future::pending().await,
    }
}

/// On a line that ends with it: no line outlives an issuer that goes away.
fn respond(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).header(CONNECTION, "close").body(body.into()).unwrap()
}
