//! A new line to a database.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use tokio::time::timeout;
use tracing::log::LevelFilter;

use super::failures;
use crate::catalog::SqlTls;
use crate::config::first_set;
use crate::reach::{ReachFailure, SqlDestination, guard};

/// How long one address may take, until the line can be used.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What sqlx reads of the environment and cannot be told to leave out: the operator's own, and no tenant's. `PGSSLROOTCERT` stays: whom an operator
/// trusts besides the public authorities.
const NOT_FOR_TENANTS: [&str; 3] = ["PGOPTIONS", "PGSSLCERT", "PGSSLKEY"];

/// Opens one.
pub(super) async fn connect(destination: &SqlDestination) -> Result<PgConnection, ReachFailure> {
    let config = &destination.config;
    let Ok(port) = u16::try_from(config.port.unwrap_or(5432)) else {
        return Err(ReachFailure::new("invalid_connection", "the port of the connection must be 1 to 65535"));
    };
    // sqlx takes it for the folder of a socket on this machine.
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
    let tls = config.tls.unwrap_or(SqlTls::Require);
    let hosts = match tls {
        SqlTls::Disable | SqlTls::Require => {
            addresses.iter().map(|address| address.ip().to_string()).collect()
        }
        // The name is needed for the certificate, so it is looked up a second time. Should that give another address than the one that was checked,
        // its owner has to have the certificate of that name: nothing is sent before it is proven but the offer to speak TLS.
        SqlTls::VerifyFull => vec![config.host.clone()],
    };
    let mut last = ReachFailure::passing("connect", format!("{:?} has no address", config.host));
    for host in hosts {
        let options = options(destination, &host, port, tls);
        let failure = match timeout(CONNECT_TIMEOUT, options.connect()).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => failures::of_connecting(error, &config.host, port),
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

/// Whatever sqlx would take from the environment is said here. Settings come later, as a statement: poolers and proxies refuse them with the
/// connection.
fn options(destination: &SqlDestination, host: &str, port: u16, tls: SqlTls) -> PgConnectOptions {
    let config = &destination.config;
    let password = destination.secret.as_ref().map_or("", |secret| secret.expose_secret());
    let tls = match tls {
        SqlTls::Disable => PgSslMode::Disable,
        SqlTls::Require => PgSslMode::Require,
        SqlTls::VerifyFull => PgSslMode::VerifyFull,
    };
    PgConnectOptions::new_without_pgpass()
        .host(host)
        .port(port)
        .username(&config.user)
        .password(password)
        .database(&config.database)
        .ssl_mode(tls)
        .application_name("runplane")
        .extra_float_digits(None)
        // `discard all` would remove what is cached.
        .statement_cache_capacity(0)
        // Statements are not ours to write into logs.
        .log_statements(LevelFilter::Off)
        .log_slow_statements(LevelFilter::Off, Duration::ZERO)
}
