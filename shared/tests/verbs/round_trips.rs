//! One round trip to Postgres for each hot verb on its good path, counted on the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use runplane::db::{Db, Plans};
use runplane::runs::{self, CompleteRequest, HeartbeatRequest, Outcome};
use runplane::scope::Scope;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::support::{claim_by, world};

/// Counts how often the client spoke after the server had spoken.
#[derive(Default)]
struct Wire {
    round_trips: AtomicUsize,
    client_speaks: AtomicBool,
}

/// A proxy in front of Postgres; returns its port.
async fn proxy(wire: Arc<Wire>, host: String, port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect((host.as_str(), port)).await.unwrap();
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            tokio::spawn(pump(from_client, to_server, Arc::clone(&wire), true));
            tokio::spawn(pump(from_server, to_client, Arc::clone(&wire), false));
        }
    });
    address.port()
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    wire: Arc<Wire>,
    client: bool,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if wire.client_speaks.swap(client, Ordering::SeqCst) != client && client {
            wire.round_trips.fetch_add(1, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[sqlx::test(migrator = "runplane::MIGRATOR")]
async fn every_hot_verb_takes_one_round_trip(_pool: PgPoolOptions, options: PgConnectOptions) {
    let mut seed = options.connect().await.unwrap();
    let world = world(&mut seed).await;
    let wire = Arc::new(Wire::default());
    let port = proxy(Arc::clone(&wire), options.get_host().to_owned(), options.get_port()).await;
    // However slow the machine that runs this test, no connection counts as idle in it: the ping is for quiet hours.
    let quiet = Duration::from_secs(3600);
    let db = Db::new(options.host("127.0.0.1").port(port), Plans::Generic).ping_after_idle(quiet);

    // The first round prepares the statements, which a connection does once; the second one counts.
    for counts in [false, true] {
        let expect = |verb: &str| {
            let taken = wire.round_trips.swap(0, Ordering::SeqCst);
            assert!(!counts || taken == 1, "{verb} took {taken} round trips");
        };
        expect_reset(&wire);
        let key = Some(if counts { "second" } else { "first" });
        let first = runs::create(&mut db.checkout().await.unwrap(), &world.request(), key).await.unwrap().run;
        expect("create");
        let due_at = first.dispatch_due_at.unwrap();
        runs::mark_dispatched(&mut db.checkout().await.unwrap(), world.tenant, first.id, due_at)
            .await
            .unwrap();
        expect("mark_dispatched");
        let claim =
            runs::claim(&mut db.checkout().await.unwrap(), Scope::All, Uuid::nil(), claim_by("w")).await;
        let claim = claim.unwrap().unwrap();
        expect("claim");
        let token = Some(claim.run.lease_token);
        let beat = HeartbeatRequest { lease_token: token, ..HeartbeatRequest::default() };
        runs::heartbeat(&mut db.checkout().await.unwrap(), Scope::All, first.id, &beat).await.unwrap();
        expect("heartbeat");
        let completion = CompleteRequest {
            status: Outcome::Succeeded,
            lease_token: token,
            error_message: None,
            error_code: None,
            retryable: None,
            output: None,
        };
        runs::complete(&mut db.checkout().await.unwrap(), Scope::All, first.id, &completion).await.unwrap();
        expect("complete");
        let second =
            runs::create(&mut db.checkout().await.unwrap(), &world.request(), None).await.unwrap().run;
        expect("create without a key");
        runs::claim_by_id(&mut db.checkout().await.unwrap(), Scope::Tenant(world.tenant), second.id, "w", 30)
            .await
            .unwrap()
            .unwrap();
        expect("claim_by_id");
    }
}

fn expect_reset(wire: &Wire) {
    wire.round_trips.store(0, Ordering::SeqCst);
}
