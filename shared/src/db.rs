//! The one Postgres connection of an execution environment.
//!
//! An environment answers one request at a time, so a pool of one would do, but sqlx's pool pings whenever a connection
//! comes back: a second round trip for every verb, and one that Lambda may freeze half-way (docs/decisions/0001). Here a
//! connection is opened by the first call that needs it, kept, pinged only after it lay idle, and thrown away after any
//! failure.

use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Mutex, MutexGuard};

use crate::config::{ConfigError, DATABASE_URL};

/// How long a new connection may take. With the ping before it and one statement after it, a call stays within
/// `http::TIME_LIMIT`, so that the statement of a caller who is told `unavailable` does not run on.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// A connection that lay idle this long is pinged before it is used: Postgres may have been restarted meanwhile, which
/// takes it longer than this. An environment that is called more often pays no second round trip.
const PING_AFTER_IDLE: Duration = Duration::from_millis(100);
/// How long that ping may take before the connection counts as dead.
const PING_TIMEOUT: Duration = Duration::from_millis(500);
/// Postgres gives up on a statement before the caller does. A verb that has to ask a second time may take longer.
const STATEMENT_TIMEOUT_MS: &str = "2500";

/// How Postgres plans a function's statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plans {
    /// Once per connection. For statements whose plan does not depend on which arguments are null: the hot verbs.
    Generic,
    /// Anew for every call, so that a filter that is null vanishes from the plan: the lists.
    Custom,
}

/// The connection, or the place where it will be.
#[derive(Debug)]
pub struct Db {
    options: PgConnectOptions,
    ping_after_idle: Duration,
    slot: Mutex<Option<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: PgConnection,
    since: Instant,
}

impl Db {
    /// From a URL such as `postgres://user@host:5432/runplane?sslmode=require`. Opens nothing yet.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if the URL cannot be read.
    pub fn from_url(url: &str, plans: Plans) -> Result<Self, ConfigError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| ConfigError::Invalid { name: DATABASE_URL, expected: "a postgres:// URL" })?;
        Ok(Self::new(options, plans))
    }

    /// From options that are already there, as the tests have them. Opens nothing yet.
    pub fn new(options: PgConnectOptions, plans: Plans) -> Self {
        let plan_cache_mode = match plans {
            Plans::Generic => "force_generic_plan",
            Plans::Custom => "force_custom_plan",
        };
        let options = options
            .options([
                ("plan_cache_mode", plan_cache_mode),
                ("statement_timeout", STATEMENT_TIMEOUT_MS),
                // Our statements take milliseconds; compiling one of them would take longer than running it.
                ("jit", "off"),
            ])
            .log_statements(tracing::log::LevelFilter::Off);
        Self { options, ping_after_idle: PING_AFTER_IDLE, slot: Mutex::new(None) }
    }

    /// The same, but a connection is pinged only after it lay idle for this long.
    pub fn ping_after_idle(self, idle: Duration) -> Self {
        Self { ping_after_idle: idle, ..self }
    }

    /// The connection, for the caller alone until the guard is dropped. Waits while somebody else has it.
    ///
    /// Whoever drops a future that holds the guard before that future is done calls [`Db::discard`] afterwards: a
    /// statement may still be under way on the connection.
    ///
    /// # Errors
    /// [`sqlx::Error`] if Postgres cannot be reached within 1.5 seconds.
    pub async fn checkout(&self) -> Result<Checkout<'_>, sqlx::Error> {
        let mut slot = self.slot.lock().await;
        if let Some(mut idle) = slot.take()
            && idle.is_alive(self.ping_after_idle).await
        {
            *slot = Some(idle);
        }
        if slot.is_none() {
            let connection = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&self.options))
                .await
                .map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))??;
            *slot = Some(Idle { connection, since: Instant::now() });
        }
        Ok(Checkout(MutexGuard::map(slot, |slot| match slot {
            Some(idle) => idle,
            None => unreachable!("the slot was filled above, under the same lock"),
        })))
    }

    /// Throws the connection away; the next call opens a new one. For after a failure or an abandoned statement.
    pub async fn discard(&self) {
        self.slot.lock().await.take();
    }
}

impl Idle {
    async fn is_alive(&mut self, ping_after_idle: Duration) -> bool {
        self.since.elapsed() < ping_after_idle
            || matches!(tokio::time::timeout(PING_TIMEOUT, self.connection.ping()).await, Ok(Ok(())))
    }
}

/// The connection while somebody uses it.
#[derive(Debug)]
pub struct Checkout<'a>(tokio::sync::MappedMutexGuard<'a, Idle>);

impl Deref for Checkout<'_> {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.0.connection
    }
}

impl DerefMut for Checkout<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.0.connection
    }
}

impl Drop for Checkout<'_> {
    fn drop(&mut self) {
        self.0.since = Instant::now();
    }
}

/// Whether Postgres was out of reach, so that the same call may succeed later: as opposed to a statement it refused.
pub fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Classes 08 connection, 53 resources (too many connections, disk full), 57 operator intervention (shutdown,
        // starting up, statement timeout), 58 system error, 40 serialization failure or deadlock, and 25006: after a
        // failover the connection may still lead to the old primary, which is read-only now.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "53", "57", "58", "40", "25006"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}
