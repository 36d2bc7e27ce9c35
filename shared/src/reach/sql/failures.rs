//! Why a statement failed.

use std::io::ErrorKind;

use sqlx::Error;
use sqlx::postgres::PgDatabaseError;

use super::perform::Deadline;
use crate::reach::ReachFailure;

/// Of what Postgres says, so many characters.
const MAX_MESSAGE_CHARS: usize = 1000;
/// And of its details.
const MAX_DETAIL_CHARS: usize = 500;
/// Classes and codes that may go better later: a lost line, a transaction that met another one, too little of something, a server that stops or starts.
const PASSING: [&str; 5] = ["08", "40001", "40P01", "53", "57P0"];
/// Postgres has stopped a statement: because of its timeout, or because somebody has asked for it.
const CANCELED: &str = "57014";

/// While a line is opened.
pub(super) fn of_connecting(error: Error, host: &str, port: u16) -> ReachFailure {
    match error {
        Error::Database(error) => of_postgres(error.try_downcast_ref(), &error.to_string()),
        // rustls says so of a certificate that it does not believe.
        Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
            ReachFailure::new("tls", format!("no TLS with {host}:{port}: {error}"))
        }
        Error::Tls(error) => ReachFailure::new("tls", format!("no TLS with {host}:{port}: {error}")),
        Error::Io(error) => {
            ReachFailure::passing("connect", format!("{host}:{port} cannot be reached: {error}"))
        }
        error => {
            ReachFailure::passing("connect", format!("{host}:{port} does not answer as Postgres: {error}"))
        }
    }
}

/// While it is used.
pub(super) fn of_statement(error: Error, deadline: Deadline) -> ReachFailure {
    match error {
        Error::Database(error) => {
            let failure = of_postgres(error.try_downcast_ref(), &error.to_string());
            if failure.error.strip_prefix("sql_") == Some(CANCELED) && deadline.is_over_for_postgres() {
                return ReachFailure::passing("timeout", "the statement took longer than it may");
            }
            failure
        }
        Error::Io(error) => {
            let message = format!(
                "the line to the database broke, and whether the statement took place is unknown: {error}"
            );
            ReachFailure::passing("sql_08006", message)
        }
        Error::Protocol(message) if message.contains("Copy") => {
            let message = "copy from stdin and to stdout are not possible: insert or select the rows instead";
            ReachFailure::new("copy_not_supported", message)
        }
        Error::Protocol(message) => ReachFailure::passing("sql_08P01", cut(&message, MAX_MESSAGE_CHARS)),
        // sqlx has asked for the types that the statement takes and gives, and does not know of such.
        Error::ColumnDecode { .. } | Error::TypeNotFound { .. } => {
            let message = "the statement takes or gives a type that cannot be described here, a multirange for example: \
                           write `::text` after it";
            ReachFailure::new("unsupported_type", message)
        }
        error => ReachFailure::new("sql_failed", cut(&error.to_string(), MAX_MESSAGE_CHARS)),
    }
}

/// While Postgres reads arguments from text: what it does not understand is the step's mistake.
pub(super) fn of_args(error: Error, deadline: Deadline) -> ReachFailure {
    let failure = of_statement(error, deadline);
    if failure.passes || !failure.error.starts_with("sql_") {
        return failure;
    }
    ReachFailure::new("invalid_args", format!("an argument cannot be read: {}", failure.message))
}

fn of_postgres(error: Option<&PgDatabaseError>, text: &str) -> ReachFailure {
    let Some(error) = error else { return ReachFailure::new("sql_failed", cut(text, MAX_MESSAGE_CHARS)) };
    // Whoever answers may be none: the code becomes part of a name.
    let code: String = error.code().chars().filter(char::is_ascii_alphanumeric).take(5).collect();
    let mut message = cut(error.message(), MAX_MESSAGE_CHARS);
    if let Some(detail) = error.detail() {
        message = format!("{message} ({})", cut(detail, MAX_DETAIL_CHARS));
    }
    let passes = PASSING.iter().any(|passing| code.starts_with(passing));
    ReachFailure { passes, ..ReachFailure::new(format!("sql_{code}"), message) }
}

fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
