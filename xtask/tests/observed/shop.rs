//! A server that steps call, which remembers the traces that it was told of.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use tokio::net::TcpListener;

/// Answers whatever it is asked. It ends with the test.
#[derive(Clone, Debug, Default)]
pub struct Shop(Arc<Mutex<Vec<Option<String>>>>);

impl Shop {
    /// Starts one; where it is.
    pub async fn start() -> (Self, String) {
        let shop = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(shop.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (shop, url)
    }

    /// The `traceparent` of each request since it was last asked.
    pub fn take(&self) -> Vec<Option<String>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

async fn answer(State(shop): State<Shop>, headers: HeaderMap) -> &'static str {
    let traceparent = headers.get("traceparent").map(|value| value.to_str().unwrap().to_owned());
    shop.0.lock().unwrap().push(traceparent);
    "{}"
}
