//! Where events are not sent to: what no step may reach either.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use runplane::reach::guard::Lookup;
use runplane::reach::http::Http;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::receiver::Receiver;
use super::support::{KEY, counts, deliverer, invoke, known, queued, webhook, webhook_with};

/// Every name leads there.
#[derive(Debug)]
struct Everywhere(IpAddr);

impl Lookup for Everywhere {
    fn lookup<'a>(&'a self, _name: &'a str) -> futures_util::future::BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(std::future::ready(Ok(vec![self.0])))
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn nothing_is_sent_to_the_inside_of_a_network(_pool: PgPoolOptions, options: PgConnectOptions) {
    let (mut deliverer, _) = deliverer(options).await;
    deliverer.http = Http::with_lookup(Arc::new(Everywhere("10.0.0.7".parse().unwrap())));
    let mut webhooks = Vec::new();
    for host in
        ["127.0.0.1", "169.254.169.254", "10.1.2.3", "[::1]", "2130706433", "localhost", "inside.example"]
    {
        webhooks.push(webhook_with(&deliverer.app, &format!("https://{host}/"), false).await);
    }
    queued(&deliverer.app).await;
    assert_eq!(invoke(&deliverer).await, counts(0, webhooks.len() as u64));
    for id in webhooks {
        assert_eq!(known(&deliverer.app, id).await.0.as_deref(), Some("address_refused"));
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn what_hands_out_credentials_is_not_reached_where_private_addresses_are_open_either(
    _pool: PgPoolOptions,
    options: PgConnectOptions,
) {
    let (deliverer, _) = deliverer(options).await;
    let id = webhook(&deliverer.app, "http://169.254.169.254/latest/").await;
    queued(&deliverer.app).await;
    assert_eq!(invoke(&deliverer).await, counts(0, 1));
    assert_eq!(known(&deliverer.app, id).await.0.as_deref(), Some("address_refused"));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn without_encryption_nothing_is_sent_outside(_pool: PgPoolOptions, options: PgConnectOptions) {
    let (deliverer, _) = deliverer(options).await;
    let id = webhook_with(&deliverer.app, "http://hooks.example.com/", false).await;
    queued(&deliverer.app).await;
    assert_eq!(invoke(&deliverer).await, counts(0, 1));
    assert_eq!(known(&deliverer.app, id).await.0.as_deref(), Some("invalid_request"));
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn no_redirect_is_followed(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut receiver = Receiver::start(&[KEY]).await;
    let mut inside = Receiver::start(&[KEY]).await;
    let (deliverer, _) = deliverer(options).await;
    let id = webhook(&deliverer.app, &receiver.url(&format!("/to?{}", inside.url("/secret")))).await;
    queued(&deliverer.app).await;
    assert_eq!(invoke(&deliverer).await, counts(0, 1));
    assert_eq!(receiver.seen().await["path"], "/to");
    assert_eq!(known(&deliverer.app, id).await.0.as_deref(), Some("http_307"));
    // The first that it sees is what is sent to it straight.
    let straight = webhook(&deliverer.app, &inside.url("/straight")).await;
    queued(&deliverer.app).await;
    invoke(&deliverer).await;
    assert_eq!(inside.seen().await["path"], "/straight");
    assert_eq!(known(&deliverer.app, straight).await.0, None);
}
