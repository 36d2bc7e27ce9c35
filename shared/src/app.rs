//! What a function keeps between invocations.

use std::sync::Mutex;

use uuid::Uuid;

use crate::config::{self, ConfigError, DATABASE_URL};
use crate::db::{Checkout, Db, Plans};
use crate::dispatch::Dispatcher;

/// The state of one execution environment.
#[derive(Debug)]
pub struct App {
    /// The connection to Postgres.
    pub db: Db,
    /// The runs queue, for functions that send to it.
    pub dispatcher: Option<Dispatcher>,
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
}

impl App {
    /// From the environment. Opens no connection: the first call does.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or cannot be used.
    pub async fn from_env(needs: Needs) -> Result<Self, ConfigError> {
        let db = Db::from_url(&config::required(DATABASE_URL)?, needs.plans)?;
        let dispatcher = if needs.queue { Some(Dispatcher::from_env().await?) } else { None };
        Ok(Self::new(db, dispatcher))
    }

    /// From parts that are already there.
    pub fn new(db: Db, dispatcher: Option<Dispatcher>) -> Self {
        Self { db, dispatcher, last_tenant: Mutex::new(Uuid::nil()) }
    }

    /// The connection, for the caller alone.
    ///
    /// # Errors
    /// [`sqlx::Error`] if Postgres cannot be reached.
    pub async fn conn(&self) -> Result<Checkout<'_>, sqlx::Error> {
        self.db.checkout().await
    }

    /// A verb with its connection, but no longer than 5 seconds: a line to Postgres that has gone silent reports nothing
    /// by itself. For functions without a caller whose time limit does the same.
    ///
    /// # Errors
    /// What the verb fails with; [`sqlx::Error::Io`] when the time is over. After a failure of Postgres the next call
    /// opens a new connection.
    pub async fn within_limit<T, E: From<sqlx::Error>>(
        &self,
        verb: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match tokio::time::timeout(crate::http::TIME_LIMIT, verb).await {
            Ok(result) => result,
            Err(_) => {
                self.db.discard().await;
                Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into())
            }
        }
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
