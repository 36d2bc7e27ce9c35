//! A new line to a database.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use sqlx::ConnectOptions as _;
use sqlx::Error;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::log::LevelFilter;

use super::failures;
use super::relay::Relay;
use super::tls::{self, Trust};
use crate::catalog::SqlTls;
use crate::config::first_set;
use crate::reach::{ReachFailure, SqlDestination, guard};

/// How long one address may take, until the line can be used.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What sqlx reads of the environment and cannot be told to leave out: the operator's own, and no tenant's.
const NOT_FOR_TENANTS: [&str; 1] = ["PGOPTIONS"];

/// Both ends of a line. Dropped, it is closed.
pub(super) struct Ends {
    /// sqlx's, which it believes to be the server.
    pub(super) connection: PgConnection,
    /// The server's.
    pub(super) relay: Relay,
}

/// Opens one, to the first address of the host that takes it. No name is looked up but once.
pub(super) async fn connect(destination: &SqlDestination) -> Result<Ends, ReachFailure> {
    let config = &destination.config;
    let Ok(port) = u16::try_from(config.port.unwrap_or(5432)) else {
        return Err(ReachFailure::new("invalid_connection", "the port of the connection must be 1 to 65535"));
    };
    if config.host.starts_with('/') {
        return Err(ReachFailure::new("invalid_connection", "the host of the connection must not be a path"));
    }
    if let Some(name) = first_set(&NOT_FOR_TENANTS) {
        let message = format!(
            "the worker must not have {name} in its environment: it would be sent to databases of tenants"
        );
        return Err(ReachFailure::new("invalid_connection", message));
    }
    let addresses =
        guard::addresses(&config.host, port, destination.allow_private_addresses, &guard::System).await?;
    let mut last = ReachFailure::passing("connect", format!("{:?} has no address", config.host));
    for address in addresses {
        let failure = match timeout(CONNECT_TIMEOUT, open(destination, address)).await {
            Ok(Ok(ends)) => return Ok(ends),
            Ok(Err(failure)) => failure,
            Err(_) => {
                let message = format!("{}:{port} did not answer within {CONNECT_TIMEOUT:?}", config.host);
                ReachFailure::passing("connect", message)
            }
        };
        if failure.error != "connect" {
            return Err(failure);
        }
        last = failure;
    }
    Err(last)
}

async fn open(destination: &SqlDestination, address: SocketAddr) -> Result<Ends, ReachFailure> {
    let host = &destination.config.host;
    let failed = |error| failures::of_connecting(error, host, address.port());
    let server = TcpStream::connect(address).await.map_err(Error::Io).map_err(failed)?;
    // Statements are short, and wait for their answer.
    server.set_nodelay(true).map_err(Error::Io).map_err(failed)?;
    let trust = match destination.config.tls.unwrap_or(SqlTls::Require) {
        SqlTls::Disable => None,
        SqlTls::Require => Some(Trust::Anybody),
        SqlTls::VerifyFull => Some(Trust::Named),
    };
    let relay = match trust {
        None => Relay::start(server, address.port())?,
        Some(trust) => {
            let server = tls::negotiate(server, host, address.ip(), trust).await.map_err(failed)?;
            Relay::start(server, address.port())?
        }
    };
    match options(destination, relay.folder(), address.port()).connect().await {
        Ok(connection) => Ok(Ends { connection, relay }),
        Err(error) => Err(match (error, relay.intake().ended()) {
            (Error::Io(_), Some(ended)) => failures::of_an_end_while_connecting(ended, host, address.port()),
            (error, _) => failed(error),
        }),
    }
}

/// Whatever sqlx would take from the environment is said here. Settings come later, as a statement: poolers and proxies refuse them with the
/// connection.
fn options(destination: &SqlDestination, folder: &Path, port: u16) -> PgConnectOptions {
    let config = &destination.config;
    let password = destination.secret.as_ref().map_or("", |secret| secret.expose_secret());
    PgConnectOptions::new_without_pgpass()
        .socket(folder)
        .port(port)
        .username(&config.user)
        .password(password)
        .database(&config.database)
        .ssl_mode(PgSslMode::Disable)
        .application_name("runplane")
        .extra_float_digits(None)
        // `discard all` would remove what is cached.
        .statement_cache_capacity(0)
        // Statements are not ours to write into logs.
        .log_statements(LevelFilter::Off)
        .log_slow_statements(LevelFilter::Off, Duration::ZERO)
}
