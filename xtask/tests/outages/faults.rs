//! Servers that misbehave, on ports of 127.0.0.1. They end with the test.

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;

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
