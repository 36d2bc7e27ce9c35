//! What a function keeps between invocations.

use std::sync::Mutex;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::config::{self, ConfigError, DATABASE_URL};
use crate::db::{Db, Plans};
use crate::dispatch::Dispatcher;
use crate::http::TIME_LIMIT;

/// The state of one execution environment.
#[derive(Debug)]
pub struct App {
    /// The connection to Postgres.
    pub db: Db,
    /// The runs queue, for functions that send to it.
    pub dispatcher: Option<Dispatcher>,
    /// How long an HTTP caller waits for an answer at most.
    pub time_limit: Duration,
    /// Whose run was claimed last: the next claim without a tenant goes on after it.
    last_tenant: Mutex<Uuid>,
}

/// What a function needs besides Postgres.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// How its statements are planned.
    pub plans: Plans,
    /// Whether it sends to the runs queue.
    pub queue: bool,
    /// How long an HTTP caller waits for an answer at most.
    pub time_limit: Duration,
}

impl Needs {
    /// A connection with such plans, no queue, answers within [`TIME_LIMIT`].
    pub const fn database(plans: Plans) -> Self {
        Self { plans, queue: false, time_limit: TIME_LIMIT }
    }

    /// The same, and the runs queue.
    pub const fn database_and_queue(plans: Plans) -> Self {
        Self { queue: true, ..Self::database(plans) }
    }
}

impl App {
    /// From the environment. Opens no connection: the first call does.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or cannot be used.
    pub async fn from_env(needs: Needs) -> Result<Self, ConfigError> {
        let db = Db::from_url(&config::required(DATABASE_URL)?, needs.plans, config::pooler()?)?;
        let dispatcher = if needs.queue { Some(Dispatcher::from_env().await?) } else { None };
        Ok(Self { time_limit: needs.time_limit, ..Self::new(db, dispatcher) })
    }

    /// From parts that are already there.
    pub fn new(db: Db, dispatcher: Option<Dispatcher>) -> Self {
        Self { db, dispatcher, time_limit: TIME_LIMIT, last_tenant: Mutex::new(Uuid::nil()) }
    }

    /// A verb on the connection, as [`Db::call`]. For handlers, whose caller's time limit ends what takes too long.
    ///
    /// # Errors
    /// What the verb fails with; [`sqlx::Error`] if Postgres cannot be reached.
    pub async fn call<T, E: From<sqlx::Error>>(
        &self,
        verb: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.db.call(verb).await
    }

    /// A verb on the connection, but no longer than 5 seconds: a line to Postgres that has gone silent reports nothing by
    /// itself. For whoever has no caller whose time limit does the same.
    ///
    /// # Errors
    /// What the verb fails with; [`sqlx::Error::Io`] when the time is over.
    pub async fn call_in_time<T, E: From<sqlx::Error>>(
        &self,
        verb: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        tokio::time::timeout(TIME_LIMIT, self.db.call(verb))
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()))
    }

    /// The tenant whose run was claimed last; the nil UUID before the first one.
    pub fn last_tenant(&self) -> Uuid {
        *self.last_tenant.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Remembers whose run was claimed.
    pub fn set_last_tenant(&self, tenant: Uuid) {
        *self.last_tenant.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = tenant;
    }
}
