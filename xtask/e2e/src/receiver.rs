//! A receiver of webhooks on this machine, which can be away. It checks signatures with the library of Standard Webhooks, as a customer would.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use standardwebhooks::{HEADER_WEBHOOK_ID, Webhook};
use tokio::net::TcpSocket;

use crate::secrets;

/// An event as it came.
#[derive(Clone, Debug)]
pub struct Told {
    /// `webhook-id`.
    pub id: String,
    /// The body.
    pub event: Value,
    /// How it was answered: 401 where the signature is wrong.
    pub status: u16,
}

/// A receiver, which is not there until it is [opened](Self::open), and ends with the test.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    socket: Option<TcpSocket>,
    desk: Desk,
}

#[derive(Clone, Debug)]
struct Desk {
    status: Arc<Mutex<u16>>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Receiver {
    /// A port that nobody listens on, and that nobody else can get: whoever connects is refused.
    ///
    /// # Panics
    /// When there is no port.
    pub fn closed() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let address = socket.local_addr().expect("an address");
        let desk = Desk { status: Arc::new(Mutex::new(204)), told: Arc::default() };
        Self { address, socket: Some(socket), desk }
    }

    /// One that answers.
    ///
    /// # Panics
    /// When there is no port.
    pub fn start() -> Self {
        let mut receiver = Self::closed();
        receiver.open();
        receiver
    }

    /// Listens from now on.
    ///
    /// # Panics
    /// When it does already.
    pub fn open(&mut self) {
        let socket = self.socket.take().expect("it listens already");
        let listener = socket.listen(128).expect("a listener");
        let router = Router::new().fallback(answer).with_state(self.desk.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
    }

    /// Answers whatever is signed rightly with this status from now on; 204 if nothing is said.
    ///
    /// # Panics
    /// When a request has.
    pub fn answers(&self, status: u16) {
        *self.desk.status.lock().expect("no request panicked") = status;
    }

    /// Where it is, without a scheme: `127.0.0.1:<port>`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was told, and has answered, so far.
    ///
    /// # Panics
    /// When a request has.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        self.desk.told.lock().expect("no request panicked").clone()
    }
}

async fn answer(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let webhook = Webhook::new(&secrets::of_webhooks()).expect("a secret of webhooks");
    let status = match webhook.verify(&body, &headers) {
        Ok(()) => *desk.status.lock().expect("no request panicked"),
        Err(_) => 401,
    };
    let id = headers.get(HEADER_WEBHOOK_ID).and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let event = serde_json::from_slice(&body).unwrap_or_default();
    desk.told.lock().expect("no request panicked").push(Told { id, event, status });
    StatusCode::from_u16(status).expect("a status")
}
