//! The one Postgres connection of an execution environment.
//!
//! | file | what is in it |
//! |---|---|
//! | `login` | whom a connection string names |
//! | `tokens` | passwords that are signed for each connection |
//! | `tls` | whom a connection that verifies its server trusts |
//!
//! An environment answers one request at a time, so a pool of one would do, but sqlx's pool pings whenever a connection
//! comes back: a second round trip for every verb, and one that Lambda may freeze half-way (docs/decisions/0001). Here a
//! connection is opened by the first call that needs it, kept, pinged only after it lay idle, and thrown away after any
//! failure, or when it lay idle for minutes.

mod login;
pub(crate) mod tls;
mod tokens;

use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime};

use secrecy::ExposeSecret as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::sync::Mutex;

use crate::config::{ConfigError, Setting, Settings};

pub use login::Login;
pub(crate) use tls::trusting_rds;
pub use tokens::{TokenError, Tokens};

/// How long a new connection may take. With the ping before it and one statement after it, a call stays within
/// `http::TIME_LIMIT`, so that the statement of a caller who is told `unavailable` does not run on.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// A connection that lay idle this long is pinged before it is used: Postgres may have been restarted meanwhile, which
/// takes it longer than this. An environment that is called more often pays no second round trip.
const PING_AFTER_IDLE: Duration = Duration::from_millis(100);
/// How long that ping may take before the connection counts as dead.
const PING_TIMEOUT: Duration = Duration::from_millis(500);
/// A connection that lay idle this long is thrown away without a ping. What stands between forgets a line that is silent: NAT gateways and load balancers of
/// AWS after 350 s, without a word to either end, so that a ping would wait for all of its time and lose. RDS Proxy keeps one for 30 minutes. Nobody notices the
/// new connection: who calls so seldom mostly gets a new environment anyway.
const DROP_AFTER_IDLE: Duration = Duration::from_secs(300);
/// The same for Postgres, in milliseconds. Whoever comes back later opens a new connection anyway.
const IDLE_SESSION_TIMEOUT: (&str, &str) = ("idle_session_timeout", "300000");
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

/// What stands between a function and Postgres.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing, or something that does not share server connections between clients.
    #[default]
    None,
    /// A pooler in transaction mode, such as pgbouncer with `pool_mode = transaction`.
    Transaction,
}

/// How a function proves to Postgres who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginBy {
    /// With the password of its connection string.
    #[default]
    Password,
    /// With a token of IAM, as RDS takes it.
    Iam,
}

/// What a connection string has to be where tokens take the place of the password.
pub(crate) const URL_FOR_IAM: &str = "a postgres:// URL with a user, without a password, and with sslmode=verify-full, as it has to be where DB_LOGIN is iam";
/// Answers of Postgres to a password that it does not take: the second is that of an entry of pg_hba.conf that lets nobody in.
const REFUSED: [&str; 2] = ["28P01", "28000"];

/// What ends a verb's transaction behind a pooler. The server connection goes to another client then, which names its
/// prepared statements as we do: ours are removed while it is still ours.
const COMMIT: &str = "commit; deallocate all";
const ROLLBACK: &str = "rollback; deallocate all";

/// The connection, or the place where it will be.
#[derive(Debug)]
pub struct Db {
    options: PgConnectOptions,
    /// Where the passwords of new connections come from; `None`: the options have it.
    tokens: Option<Tokens>,
    /// What begins a verb's transaction; `None`: a verb needs none.
    begin: Option<String>,
    ping_after_idle: Duration,
    slot: Mutex<Option<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: PgConnection,
    since: Instant,
    /// The same by the clock of the day.
    since_time: SystemTime,
}

/// What is done with a connection that lay idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Use,
    Ping,
    Drop,
}

impl Db {
    /// As the settings of a function say. Opens nothing yet.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or cannot be used.
    pub async fn from_settings(settings: &mut Settings) -> Result<Self, ConfigError> {
        let url = settings.required(Setting::DatabaseUrl)?;
        let (login, pooler) = (settings.login_by()?, settings.pooler()?);
        let db = Self::from_url(&url, settings.function().plans, pooler)?;
        match login {
            LoginBy::Password => Ok(db),
            LoginBy::Iam if takes_tokens(&url) => {
                let tokens = Tokens::of_environment(&db.options).await?;
                Ok(db.with_tokens(tokens))
            }
            LoginBy::Iam => {
                Err(ConfigError::Invalid { setting: Setting::DatabaseUrl, expected: URL_FOR_IAM })
            }
        }
    }

    /// From a URL such as `postgres://user@host:5432/runplane?sslmode=require`. Opens nothing yet.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if the URL cannot be read.
    pub fn from_url(url: &str, plans: Plans, pooler: Pooler) -> Result<Self, ConfigError> {
        let options = PgConnectOptions::from_str(url).map_err(|_| ConfigError::Invalid {
            setting: Setting::DatabaseUrl,
            expected: "a postgres:// URL",
        })?;
        Ok(Self::new(trusting_rds(options, url), plans, pooler))
    }

    /// From options that are already there, as the tests have them. Opens nothing yet.
    pub fn new(options: PgConnectOptions, plans: Plans, pooler: Pooler) -> Self {
        // A plan that was made for an empty table, and is kept, would go on reading all of it when it is full.
        let (plan_cache_mode, enable_seqscan) = match plans {
            Plans::Generic => ("force_generic_plan", "off"),
            Plans::Custom => ("force_custom_plan", "on"),
        };
        let settings = [
            ("plan_cache_mode", plan_cache_mode),
            ("statement_timeout", STATEMENT_TIMEOUT_MS),
            // Our statements take milliseconds; compiling one of them would take longer than running it.
            ("jit", "off"),
            // Each query of a claim has to see what was committed a moment ago, whatever the role's default is.
            ("default_transaction_isolation", "read committed"),
            // Behind a pooler a client that vanishes between two statements keeps its locks no longer than this.
            ("idle_in_transaction_session_timeout", "3000"),
            ("enable_seqscan", enable_seqscan),
        ];
        let options = options.log_statements(tracing::log::LevelFilter::Off);
        let (options, begin) = match pooler {
            // A connection is kept by an environment that Lambda has frozen and may never thaw: it is nobody's to close but the server's, and a server that pauses
            // when nobody is connected would never do so.
            Pooler::None => (options.options(settings).options([IDLE_SESSION_TIMEOUT]), None),
            // A pooler refuses settings with the connection, and a setting of a session would be another client's next:
            // they go into the transaction. No statement outlives it, so there is nothing to cache. When its lines to the server are idle for too long is the
            // pooler's own business.
            Pooler::Transaction => {
                let settings =
                    settings.map(|(name, value)| format!("set local {name} = '{value}'")).join("; ");
                let options = options.statement_cache_capacity(0).extra_float_digits(None);
                (options, Some(format!("begin isolation level read committed; {settings}")))
            }
        };
        Self { options, tokens: None, begin, ping_after_idle: PING_AFTER_IDLE, slot: Mutex::new(None) }
    }

    /// The same, but each new connection has one of these tokens for a password.
    #[must_use]
    pub fn with_tokens(self, tokens: Tokens) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// The same, but a connection is pinged only after it lay idle for this long.
    pub fn ping_after_idle(self, idle: Duration) -> Self {
        Self { ping_after_idle: idle, ..self }
    }

    /// A verb on the connection, which is the caller's alone meanwhile; behind a pooler, in a transaction of its own, which a
    /// verb that fails leaves no trace of. Waits while somebody else has the connection.
    ///
    /// If this future is dropped before it is done, the connection goes with it: a statement may still be under way on it.
    /// After a failure of Postgres the caller calls [`Db::discard`].
    ///
    /// # Errors
    /// What the verb fails with; [`sqlx::Error`] if Postgres cannot be reached within 1.5 seconds, or if the transaction
    /// could not be ended. Then it is unknown whether the verb took place, as it is whenever an answer is lost.
    pub async fn call<T, E: From<sqlx::Error>>(
        &self,
        verb: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.run(self.begin.as_deref(), verb).await
    }

    /// The same, but the verb has a transaction of its own everywhere: for several statements that are done together or not at all. A verb that fails
    /// leaves no trace.
    ///
    /// # Errors
    /// As [`Db::call`].
    pub async fn transaction<T, E: From<sqlx::Error>>(
        &self,
        verb: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.run(Some(self.begin.as_deref().unwrap_or("begin")), verb).await
    }

    async fn run<T, E: From<sqlx::Error>>(
        &self,
        begin: Option<&str>,
        verb: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut slot = self.slot.lock().await;
        let alive = match slot.take() {
            Some(idle) => idle.if_alive(self.ping_after_idle).await,
            None => None,
        };
        let mut conn = match alive {
            Some(conn) => conn,
            None => self.connect().await?,
        };
        let result = self.within_transaction(&mut conn, begin, verb).await;
        *slot = Some(Idle { connection: conn, since: Instant::now(), since_time: SystemTime::now() });
        result
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        tokio::time::timeout(CONNECT_TIMEOUT, self.open())
            .await
            .map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))?
    }

    async fn open(&self) -> Result<PgConnection, sqlx::Error> {
        let Some(tokens) = &self.tokens else { return PgConnection::connect_with(&self.options).await };
        let token = tokens.at(SystemTime::now()).await?;
        let options = self.options.clone().password(token.expose_secret());
        PgConnection::connect_with(&options).await.inspect_err(|error| {
            if is_refused(error) {
                tokens.forget();
            }
        })
    }

    /// With `begin`; else the verb as it is.
    async fn within_transaction<T, E: From<sqlx::Error>>(
        &self,
        conn: &mut PgConnection,
        begin: Option<&str>,
        verb: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let Some(begin) = begin else { return verb(conn).await };
        conn.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(begin))).await?;
        let result = verb(conn).await;
        let end = match (result.is_ok(), &self.begin) {
            (true, Some(_)) => COMMIT,
            (false, Some(_)) => ROLLBACK,
            (true, None) => "commit",
            (false, None) => "rollback",
        };
        match (conn.execute(sqlx::raw_sql(end)).await, result) {
            (Ok(_), result) => result,
            (Err(error), Ok(_)) => Err(error.into()),
            // The first failure says more. The connection is of no use any more, as after any failure.
            (Err(_), failed) => failed,
        }
    }

    /// Throws the connection away; the next call opens a new one. For after a failure.
    pub async fn discard(&self) {
        self.slot.lock().await.take();
    }
}

impl Idle {
    async fn if_alive(mut self, ping_after_idle: Duration) -> Option<PgConnection> {
        let alive = match then(self.lay_idle(), ping_after_idle) {
            Then::Use => true,
            Then::Ping => {
                matches!(tokio::time::timeout(PING_TIMEOUT, self.connection.ping()).await, Ok(Ok(())))
            }
            Then::Drop => false,
        };
        alive.then_some(self.connection)
    }

    /// The longer one of two clocks. Lambda freezes an environment between calls, and the clock that only goes forward may stand still as long. The clock of the
    /// day is set right when it thaws, which is what counts here; but it may be set back, too, and then the other one knows better. Too long a time costs a
    /// new connection and no more.
    fn lay_idle(&self) -> Duration {
        self.since.elapsed().max(self.since_time.elapsed().unwrap_or_default())
    }
}

fn then(lay_idle: Duration, ping_after_idle: Duration) -> Then {
    if lay_idle < ping_after_idle {
        Then::Use
    } else if lay_idle < DROP_AFTER_IDLE {
        Then::Ping
    } else {
        Then::Drop
    }
}

/// Whether tokens may go to this server: to the right one, over a line that nobody reads along.
pub(crate) fn takes_tokens(url: &str) -> bool {
    let Ok(options) = PgConnectOptions::from_str(url) else { return false };
    let verified = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) && options.get_socket().is_none();
    verified && Login::of_url(url).is_some_and(|login| login.password().is_none())
}

fn is_refused(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    error.code().is_some_and(|code| REFUSED.contains(&&*code))
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
        // Classes 08 connection, 28 a login that is refused (nothing has happened yet, and it passes where a password or a policy is being
        // changed), 53 resources (too many connections, disk full), 57 operator intervention (shutdown,
        // starting up, statement timeout), 58 system error, 40 serialization failure or deadlock, and 25006: after a
        // failover the connection may still lead to the old primary, which is read-only now.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            ["08", "28", "53", "57", "58", "40", "25006"].iter().any(|class| code.starts_with(class))
        }),
        _ => false,
    }
}

/// Whether it is this statement alone that has failed, and Postgres goes on answering others: it took longer than it may, it met somebody else's, or
/// Postgres refused it. As opposed to a connection or a server that is gone.
pub fn is_one_statements(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    // Class 40, serialization failure or deadlock, and 57014, the statement timeout.
    code.is_some_and(|code| code == "57014" || code.starts_with("40")) || !is_unavailable(error)
}

#[cfg(test)]
mod tests;
