//! What a function keeps between invocations.

use std::time::Instant;

use sqlx::postgres::PgConnection;

use crate::arm::{Arm, Bell};
use crate::auth::Auth;
use crate::config::{ConfigError, Setting, Settings};
use crate::dag::ParamsCache;
use crate::db::Db;
use crate::dispatch::{self, Dispatcher};
use crate::functions::Function;
use crate::http::TIME_LIMIT;
use crate::metrics::{DB_TIME, Metrics};
use crate::runs::{self, ClaimError, ClaimOptions, Claimed, Marks};
use crate::scope::Scope;
use crate::traces::Traces;

/// The state of one execution environment.
#[derive(Debug)]
pub struct App {
    /// What function this is.
    pub function: &'static Function,
    /// The connection to Postgres.
    pub db: Db,
    /// How it tells who makes a request.
    pub auth: Auth,
    /// The runs queue, for functions that ask something of it.
    pub dispatcher: Option<Dispatcher>,
    /// What has the sweep come, for functions that put something in flight.
    pub arm: Option<Arm>,
    /// What the versions whose runs it creates ask of their parameters.
    pub params: ParamsCache,
    /// Where its claims have found the queues to begin.
    pub marks: Marks,
    /// What it has measured. Written when an invocation ends.
    pub metrics: Metrics,
    /// Where its spans go. They are sent when an invocation ends.
    pub traces: Traces,
}

impl App {
    /// As the settings of a function say. Opens no connection: the first call does.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or cannot be used.
    pub async fn from_settings(settings: &mut Settings) -> Result<Self, ConfigError> {
        let function = settings.function();
        let db = Db::from_settings(settings).await?;
        let (mut dispatcher, mut arm) = (None, None);
        if function.arms() || !function.calls.is_empty() {
            let sqs = dispatch::client().await;
            if !function.calls.is_empty() {
                dispatcher = Some(Dispatcher::from_settings(settings, sqs.clone())?);
            }
            if function.arms() {
                arm = Some(Arm::new(Bell::new(sqs, settings.required(Setting::SweepQueueUrl)?)));
            }
        }
        let traces = Traces::from_settings(settings)?;
        let app = Self { arm, traces, ..Self::new(function, db, dispatcher) };
        Ok(if function.routes().is_empty() { app } else { app.with_auth(Auth::from_settings(settings)?) })
    }

    /// From parts that are already there. Whoever makes a request needs an API key.
    pub fn new(function: &'static Function, db: Db, dispatcher: Option<Dispatcher>) -> Self {
        let auth = Auth::required(None);
        Self {
            function,
            db,
            auth,
            dispatcher,
            arm: None,
            params: ParamsCache::default(),
            marks: Marks::default(),
            metrics: Metrics::default(),
            traces: Traces::default(),
        }
    }

    /// The same, and it arms the sweep.
    #[must_use]
    pub fn with_arm(self, arm: Arm) -> Self {
        Self { arm: Some(arm), ..self }
    }

    /// The same, with another way to tell who makes a request.
    #[must_use]
    pub fn with_auth(self, auth: Auth) -> Self {
        Self { auth, ..self }
    }

    /// A verb on the connection, as [`Db::call`]. For handlers, whose caller's time limit ends what takes too long.
    ///
    /// # Errors
    /// What the verb fails with; [`sqlx::Error`] if Postgres cannot be reached.
    pub async fn call<T, E: From<sqlx::Error>>(
        &self,
        verb: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.timed(self.db.call(verb)).await
    }

    /// A verb and what is noted about it, in one transaction, as [`Db::transaction`].
    ///
    /// # Errors
    /// What the verb fails with; [`sqlx::Error`] if Postgres cannot be reached.
    pub async fn transaction<T, E: From<sqlx::Error>>(
        &self,
        verb: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.timed(self.db.transaction(verb)).await
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
        self.timed(tokio::time::timeout(TIME_LIMIT, self.db.call(verb)))
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()))
    }

    /// A verb in one transaction, but no longer than 5 seconds, as [`App::call_in_time`].
    ///
    /// # Errors
    /// What the verb fails with; [`sqlx::Error::Io`] when the time is over.
    pub async fn transaction_in_time<T, E: From<sqlx::Error>>(
        &self,
        verb: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.timed(tokio::time::timeout(TIME_LIMIT, self.db.transaction(verb)))
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()))
    }

    /// Arms the sweep, unless this environment has done so in this period: for after a verb that has put something in flight or changed a run's state.
    /// Whatever goes wrong is logged, and no caller is told of it: it takes 1.2 seconds at most, and no time at all for some seconds after that.
    ///
    /// # Panics
    /// In a debug build, if the function's row does not list the sweep's queue.
    pub async fn arm(&self) {
        self.function.assert_arms();
        if let Some(arm) = &self.arm {
            arm.arm().await;
        }
    }

    /// A verb that will most likely put something in flight, and beside it the message that has the sweep come: the caller waits for the longer one of them,
    /// and a function that dies with the verb's commit leaves nothing unswept. Once more after it, for a verb that has ended in another period.
    pub async fn armed<T>(&self, verb: impl Future<Output = T>) -> T {
        let (result, ()) = futures_util::join!(verb, self.arm());
        self.arm().await;
        result
    }

    /// [`runs::claim`] with the marks of this environment.
    ///
    /// # Errors
    /// [`ClaimError`]; nothing was claimed.
    pub async fn claim(&self, scope: Scope, options: ClaimOptions<'_>) -> Result<Claimed, ClaimError> {
        let claimed = self.call(async |conn| runs::claim(conn, scope, &self.marks, options).await).await?;
        self.metrics.claimed(&claimed.claims);
        Ok(claimed)
    }

    /// Notes how long it takes. One that is dropped before it is done is not noted: its caller has given up.
    async fn timed<T>(&self, call: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let result = call.await;
        self.metrics.time(DB_TIME, began.elapsed());
        result
    }
}
