//! Servers that misbehave, on ports of 127.0.0.1. They end with the test.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A port that accepts connections and never says anything.
pub async fn silent() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    });
    port
}

/// A port that answers every HTTP request like this.
pub async fn answering(status: StatusCode, body: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = move || async move {
        let response: Response =
            (status, [("content-type", "application/x-amz-json-1.0")], body).into_response();
        response
    };
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    port
}

/// A way to another port that can be frozen: connections stay open, and nothing goes through any more.
pub struct Line {
    pub port: u16,
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Copy, Default)]
struct State {
    frozen: bool,
    /// How often the connections of the time were cut.
    cuts: u64,
}

impl Line {
    pub async fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sender = Arc::new(watch::Sender::new(State::default()));
        let state = sender.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let state = state.clone();
                tokio::spawn(async move {
                    let far = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                    let (near, far) = (near.into_split(), far.into_split());
                    tokio::join!(
                        pass(near.0, far.1, state.subscribe()),
                        pass(far.0, near.1, state.subscribe())
                    );
                });
            }
        });
        Self { port, state: sender }
    }

    pub fn freeze(&self) {
        self.state.send_modify(|state| state.frozen = true);
    }

    pub fn thaw(&self) {
        self.state.send_modify(|state| state.frozen = false);
    }

    /// Thaws for new connections. What was under way on those that there are never arrives.
    pub fn cut(&self) {
        self.state.send_modify(|state| *state = State { frozen: false, cuts: state.cuts + 1 });
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<State>,
) {
    let mut buffer = vec![0; 16 << 10];
    let cuts = state.borrow().cuts;
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let now = *state.wait_for(|state| !state.frozen).await.unwrap();
        if now.cuts != cuts {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
